// y = a (op) b with broadcasting: strides of 0 along the dimensions an operand repeats. A row's coordinates are found once.
// Joined to combine.wgsl and to the types A and B: vec4f as y, or f32 where an operand repeats one value along the rows.

struct Params {
  rows: u32,
  inner: u32, // vectors per row
  lanes: u32, // invocations that share a row
  innerStrideA: u32,
  innerStrideB: u32,
  rank: u32, // outer dimensions
  each: u32, // 0; nan() of combine.wgsl reads it, as in binary.wgsl
  unused: u32,
  // Outer dimensions of y, the innermost first, and the operands' strides along each.
  dims: array<vec4<u32>, 2>,
  stridesA: array<vec4<u32>, 2>,
  stridesB: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<A>;
@group(0) @binding(2) var<storage, read_write> b: array<B>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  var baseA = 0u;
  var baseB = 0u;
  var rest = row;
  for (var i = 0u; i < params.rank; i++) {
    let dimension = params.dims[i / 4u][i % 4u];
    let at = rest % dimension;
    baseA += at * params.stridesA[i / 4u][i % 4u];
    baseB += at * params.stridesB[i / 4u][i % 4u];
    rest /= dimension;
  }
  for (var j = index - row * params.lanes; j < params.inner; j += params.lanes) {
    y[row * params.inner + j] = combine(vec4f(a[baseA + j * params.innerStrideA]), vec4f(b[baseB + j * params.innerStrideB]));
  }
}
