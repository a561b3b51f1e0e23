// y[row, j] = factor x[offset + sum of coordinate x stride] for every j: a value repeated along the innermost dimension.

struct Params {
  rows: u32,
  inner: u32, // vectors of y per row
  lanes: u32, // invocations that share a row
  innerStride: u32, // 0
  offset: u32, // in x
  outOffset: u32, // in y
  outStride: u32, // of y's rows
  rank: u32, // outer dimensions
  // Outer dimensions of y, the innermost first, and x's stride along each.
  dims: array<vec4<u32>, 2>,
  strides: array<vec4<u32>, 2>,
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  var source = params.offset;
  var rest = row;
  for (var i = 0u; i < params.rank; i++) {
    let dimension = params.dims[i / 4u][i % 4u];
    source += (rest % dimension) * params.strides[i / 4u][i % 4u];
    rest /= dimension;
  }
  let bits = x[source];
  let value = vec4<u32>(select(bitcast<u32>(params.factor * bitcast<f32>(bits)), bits, params.factor == 1.0));
  let target_row = params.outOffset + row * params.outStride;
  for (var j = index - row * params.lanes; j < params.inner; j += params.lanes) {
    y[target_row + j] = value;
  }
}
