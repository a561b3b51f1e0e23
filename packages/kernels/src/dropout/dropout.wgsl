// y = x / (1 - ratio) where a random value is at least `ratio`, else 0. Joined to philox.wgsl, whose values of position i and a counter
// are those of RandomUniform: the gradient draws them again. An invocation makes four.

struct Params {
  count: u32,
  threshold: u32, // ratio in multiples of 2^-24
  stream: u32, // told from other layers by this
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> counter: array<u32>; // seed, step
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let first = index * 4u;
  if (first >= params.count) {
    return;
  }
  let random = philox(vec4u(index, params.stream, counter[1], 0u), vec2u(counter[0], 0u)) >> vec4u(8u);
  for (var i = 0u; i < min(4u, params.count - first); i++) {
    let value = x[first + i];
    // NaN is kept where it would be dropped: a diverged step must show.
    let isKept = random[i] >= params.threshold || (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
    y[first + i] = select(0.0, value * params.scale, isKept);
  }
}
