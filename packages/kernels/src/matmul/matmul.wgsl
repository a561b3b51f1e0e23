// Y [M, N] = alpha * A' B' + beta * C, one invocation per output; A' and B' are A and B or their transposes, by strides.
struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32, // strides of A' [M, K]
  bRow: u32, bColumn: u32, // strides of B' [K, N]
  cRow: u32, cColumn: u32, // strides of C, 0 where it is broadcast
  hasC: u32,
  alpha: f32, beta: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64;
  let p = params;
  if (index >= p.m * p.n) { return; }
  let row = index / p.n;
  let column = index % p.n;
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) {
    sum += a[row * p.aRow + k * p.aColumn] * b[k * p.bRow + column * p.bColumn];
  }
  sum *= p.alpha;
  if (p.hasC != 0) { sum += p.beta * c[row * p.cRow + column * p.cColumn]; }
  y[index] = sum;
}
