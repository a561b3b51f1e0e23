// Y[b] [M, N] = A[b] [M, K] B[b] [K, N] for every b of broadcast leading dimensions, whose strides are 0 where A or B repeats. One
// invocation per output: such products are rare and small in convolutional networks.

struct Params {
  count: u32, // elements of Y
  m: u32,
  n: u32,
  k: u32,
  // Leading dimensions of Y, the innermost first, and the operands' strides along each.
  dims: array<vec4<u32>, 2>,
  stridesA: array<vec4<u32>, 2>,
  stridesB: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.count) {
    return;
  }
  var rest = index / params.n;
  var atA = (rest % params.m) * params.k;
  var atB = index % params.n;
  rest /= params.m;
  for (var i = 0u; i < 8u; i++) {
    let dimension = params.dims[i / 4u][i % 4u];
    atA += (rest % dimension) * params.stridesA[i / 4u][i % 4u];
    atB += (rest % dimension) * params.stridesB[i / 4u][i % 4u];
    rest /= dimension;
  }
  var sum = 0.0;
  for (var k = 0u; k < params.k; k++) {
    sum += a[atA + k] * b[atB + k * params.n];
  }
  y[index] = sum;
}
