// broadcast.wgsl on the CPU device, where four invocations are the lanes of a vector: a workgroup has some rows, or a piece of a long one, in vectors that
// lie side by side in memory; the last overlaps the one before. [32, 96, 32, 32] times a value a plane takes 2.3 ms on one thread of the `cpu` adapter
// (Xeon) instead of 12.1.
// Joined to combine.wgsl.

override ALONG_A = true; // a goes along the rows; else it repeats a value
override ALONG_B = true;

struct Params {
  rows: u32,
  inner: u32, // elements per row
  rowsEach: u32, // rows of a workgroup
  pieces: u32, // of a row
  length: u32, // of a piece: a multiple of 4
  rank: u32, // outer dimensions
  each: u32, // 0; nan() of combine.wgsl reads it, as in binary.wgsl
  unused: u32,
  // Outer dimensions of y, the innermost first, and the operands' strides along each.
  dims: array<vec4<u32>, 2>,
  stridesA: array<vec4<u32>, 2>,
  stridesB: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

/** Where a row begins in a and in b. The outermost coordinate is what the others leave. */
fn sourcesOf(row: u32, rank: u32) -> vec2u {
  var sources = vec2u();
  var rest = row;
  for (var i = 0u; i + 1u < rank; i++) {
    let dimension = params.dims[i / 4u][i % 4u];
    sources += rest % dimension * vec2u(params.stridesA[i / 4u][i % 4u], params.stridesB[i / 4u][i % 4u]);
    rest /= dimension;
  }
  if (rank > 0u) {
    let i = rank - 1u;
    sources += rest * vec2u(params.stridesA[i / 4u][i % 4u], params.stridesB[i / 4u][i % 4u]);
  }
  return sources;
}

/** y[to + j] for the lane's j. */
fn element(sources: vec2u, to: u32, j: u32, onlyA: f32, onlyB: f32) {
  var p = onlyA;
  var q = onlyB;
  if (ALONG_A) {
    p = a[sources.x + j];
  }
  if (ALONG_B) {
    q = b[sources.y + j];
  }
  y[to + j] = combine(p, q);
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let index = group.x + group.y * groups.x;
  let piece = index % p.pieces;
  let first = index / p.pieces * p.rowsEach;
  let last = min(first + p.rowsEach, p.rows);
  let begin = piece * p.length;
  let end = min(begin + p.length, p.inner);
  let whole = begin + (end - begin) / 4u * 4u;
  for (var row = first; row < last; row++) {
    let sources = sourcesOf(row, p.rank);
    let to = row * p.inner;
    let onlyA = a[sources.x];
    let onlyB = b[sources.y];
    for (var j = begin; j < whole; j += 4u) {
      element(sources, to, j + lane, onlyA, onlyB);
    }
    if (whole < end && begin < whole) {
      element(sources, to, end - 4u + lane, onlyA, onlyB);
    } else if (whole + lane < end) {
      element(sources, to, whole + lane, onlyA, onlyB);
    }
  }
}
