// y[row, j] = factor x[offset + sum of coordinate x stride + j x innerStride]: copies, slices, transpositions, broadcasts and concatenation.
// Elements travel as bits where the factor is 1, so that integers and NaN arrive unchanged. Strides may be negative (as u32 they wrap) or 0. A row's coordinates are found once for all of its elements.

struct Params {
  rows: u32,
  inner: u32, // vectors per row
  lanes: u32, // invocations that share a row
  innerStride: u32,
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
@group(0) @binding(1) var<storage, read_write> x: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;

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
  let target_row = params.outOffset + row * params.outStride;
  let lane = index - row * params.lanes;
  if (params.factor == 1.0) {
    for (var j = lane; j < params.inner; j += params.lanes) {
      y[target_row + j] = x[source + j * params.innerStride];
    }
  } else {
    for (var j = lane; j < params.inner; j += params.lanes) {
      y[target_row + j] = bitcast<vec4u>(params.factor * bitcast<vec4f>(x[source + j * params.innerStride]));
    }
  }
}
