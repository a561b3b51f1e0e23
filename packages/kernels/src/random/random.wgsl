// Random values by position: each invocation makes four from (its index, stream) with philox.wgsl.

struct Params {
  count: u32,
  normal: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> counter: array<u32>; // seed, stream
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

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
