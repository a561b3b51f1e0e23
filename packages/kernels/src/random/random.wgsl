// A counter-based generator: Philox 4x32-10 (Salmon et al., SC 2011). Each invocation makes four values from (its index, stream).

struct Params {
  count: u32,
  normal: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> counter: array<u32>; // seed, stream
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

/** The high word of a 32 x 32 bit product, from 16-bit halves: WGSL has no 64-bit integers. */
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let middle2 = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (middle2 >> 16u);
}

fn philox(start: vec4u, key: vec2u) -> vec4u {
  var c = start;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let high0 = multiplyHigh(0xd2511f53u, c.x);
    let low0 = 0xd2511f53u * c.x;
    let high1 = multiplyHigh(0xcd9e8d57u, c.z);
    let low1 = 0xcd9e8d57u * c.z;
    c = vec4u(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let first = index * 4u;
  if (first >= params.count) {
    return;
  }
  // The upper 24 bits: every value is a multiple of 2^-24 and below 1.
  var values = vec4f(philox(vec4u(index, 0u, counter[1], 0u), vec2u(counter[0], 0u)) >> vec4u(8u)) / 16777216.0;
  if (params.normal != 0u) {
    // Box and Muller: two uniforms to two normals; 1 - u is never 0.
    let radius = sqrt(-2.0 * log(1.0 - values.xz));
    let angle = 6.283185307179586 * values.yw;
    values = vec4f(radius.x * cos(angle.x), radius.x * sin(angle.x), radius.y * cos(angle.y), radius.y * sin(angle.y));
  }
  for (var i = 0u; i < min(4u, params.count - first); i++) {
    y[first + i] = values[i];
  }
}
