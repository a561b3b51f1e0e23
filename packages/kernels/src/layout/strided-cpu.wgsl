// strided.wgsl and spread.wgsl on the CPU device, where four invocations are the lanes of a vector: a workgroup has some rows, or a piece of a long one, in
// vectors that lie side by side in memory; the last overlaps the one before. On one thread of the `cpu` adapter (Xeon) 32 x 1280 values repeated over planes
// of 4 x 4 take 0.28 ms instead of 1.1, two tensors of 2 MiB put together 0.4 ms instead of 2.1.

override REPEATED = false; // along the rows; else x's stride there is 1
override SCALED = false; // by the factor; else elements travel as bits

struct Params {
  rows: u32,
  inner: u32, // elements per row
  rowsEach: u32, // rows of a workgroup
  pieces: u32, // of a row
  length: u32, // of a piece: a multiple of 4
  offset: u32, // in x
  outOffset: u32, // in y
  outStride: u32, // of y's rows
  // Outer dimensions of y, the innermost first, and x's stride along each.
  dims: array<vec4<u32>, 2>,
  strides: array<vec4<u32>, 2>,
  rank: u32, // outer dimensions
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn scaled(bits: u32, factor: f32) -> u32 {
  if (SCALED) {
    return bitcast<u32>(factor * bitcast<f32>(bits));
  }
  return bits;
}

/** Where a row begins in x. The outermost coordinate is what the others leave. */
fn sourceOf(row: u32, rank: u32) -> u32 {
  var source = params.offset;
  var rest = row;
  for (var i = 0u; i + 1u < rank; i++) {
    let dimension = params.dims[i / 4u][i % 4u];
    source += (rest % dimension) * params.strides[i / 4u][i % 4u];
    rest /= dimension;
  }
  if (rank > 0u) {
    source += rest * params.strides[(rank - 1u) / 4u][(rank - 1u) % 4u];
  }
  return source;
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
    let source = sourceOf(row, p.rank);
    let to = p.outOffset + row * p.outStride;
    if (REPEATED) {
      let value = scaled(x[source], p.factor);
      for (var j = begin; j < whole; j += 4u) {
        y[to + j + lane] = value;
      }
      if (whole < end && begin < whole) {
        y[to + end - 4u + lane] = value;
      } else if (whole + lane < end) {
        y[to + whole + lane] = value;
      }
    } else {
      for (var j = begin; j < whole; j += 4u) {
        y[to + j + lane] = scaled(x[source + j + lane], p.factor);
      }
      if (whole < end && begin < whole) {
        y[to + end - 4u + lane] = scaled(x[source + end - 4u + lane], p.factor);
      } else if (whole + lane < end) {
        y[to + whole + lane] = scaled(x[source + whole + lane], p.factor);
      }
    }
  }
}
