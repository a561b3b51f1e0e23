// y = a (op) b with broadcasting: strides of 0 along the dimensions an operand repeats. A row's coordinates are found once.

override OPERATION: u32 = 0u; // 0 Add, 1 Sub, 2 Mul, 3 Div

struct Params {
  rows: u32,
  inner: u32, // elements per row
  lanes: u32, // invocations that share a row
  innerStrideA: u32,
  innerStrideB: u32,
  rank: u32, // outer dimensions
  unused0: u32,
  unused1: u32,
  // Outer dimensions of y, the innermost first, and the operands' strides along each.
  dims: array<vec4<u32>, 2>,
  stridesA: array<vec4<u32>, 2>,
  stridesB: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn combine(p: f32, q: f32) -> f32 {
  switch OPERATION {
    case 0u: { return p + q; }
    case 1u: { return p - q; }
    case 2u: { return p * q; }
    default: { return p / q; }
  }
}

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
    y[row * params.inner + j] = combine(a[baseA + j * params.innerStrideA], b[baseB + j * params.innerStrideB]);
  }
}
