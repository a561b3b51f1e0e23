// dx = f'(x) dy element by element, from what the forward kept: y for Relu, Sigmoid and Tanh, x for the others.
// At a kink the gradient is that of PyTorch: 0 at 0 for Relu and at both bounds of Clip.

override FUNCTION: u32 = 0u; // 0 Relu, 1 Clip, 2 LeakyRelu, 3 Elu, 4 Sigmoid, 5 Tanh, 6 HardSigmoid, 7 HardSwish

struct Params {
  vectors: u32,
  each: u32, // vectors per invocation
  a: f32, // Clip: min; LeakyRelu, Elu, HardSigmoid: alpha
  b: f32, // Clip: max; HardSigmoid: beta
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> saved: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

fn gradient(v: vec4f, d: vec4f) -> vec4f {
  switch FUNCTION {
    case 0u: { return select(d, vec4f(), v <= vec4f()); }
    case 1u: { return select(d, vec4f(), (v <= vec4f(params.a)) | (v >= vec4f(params.b))); }
    case 2u: { return select(d, d * params.a, v <= vec4f()); }
    case 3u: { return select(d, d * params.a * exp(v), v <= vec4f()); }
    case 4u: { return d * v * (1.0 - v); }
    case 5u: { return d * (1.0 - v * v); }
    case 6u: {
      let line = v * params.a + params.b;
      return select(d * params.a, vec4f(), (line <= vec4f()) | (line >= vec4f(1.0)));
    }
    default: { return select(select(d * (v / 3.0 + 0.5), d, v >= vec4f(3.0)), vec4f(), v <= vec4f(-3.0)); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * 64u * params.each;
  let end = min(begin + 64u * params.each, params.vectors);
  for (var i = begin + lane; i < end; i += 64u) {
    dx[i] = gradient(saved[i], dy[i]);
  }
}
