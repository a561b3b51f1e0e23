// y = f(x) element by element. NaN comes out as NaN: comparisons that must see it are made on bits, because a
// compiler may take max(x, 0), or select(x, 0, x < 0), for the hardware's maximum, which hides it, and SwiftShader's exp(NaN) is a number.

override FUNCTION: u32 = 0u; // 0 Relu, 1 Clip, 2 LeakyRelu, 3 Elu, 4 Sigmoid, 5 Tanh, 6 HardSigmoid, 7 HardSwish

struct Params {
  vectors: u32,
  each: u32, // vectors per invocation
  a: f32, // Clip: min; LeakyRelu, Elu, HardSigmoid: alpha
  b: f32, // Clip: max; HardSigmoid: beta
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn isNan(value: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(value) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

/** min(max(value, low), high), and NaN for NaN. */
fn limit(value: vec4f, low: f32, high: f32) -> vec4f {
  return select(min(max(value, vec4f(low)), vec4f(high)), value, isNan(value));
}

/** Through exp(-2|v|), which cannot overflow; a series near 0, where that cancels. */
fn hyperbolicTangent(v: vec4f) -> vec4f {
  let e = exp(-2.0 * abs(v));
  let square = v * v;
  let series = v * (1.0 + square * (-1.0 / 3.0 + square * (2.0 / 15.0 - square * (17.0 / 315.0))));
  return select(sign(v) * (1.0 - e) / (1.0 + e), series, square < vec4f(0.01));
}

fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 0u: { return select(v, vec4f(), (bitcast<vec4u>(v) ^ vec4u(0x80000000u)) <= vec4u(0x7f800000u)); }
    case 1u: { return limit(v, params.a, params.b); }
    case 2u: { return select(v, v * params.a, v < vec4f()); }
    case 3u: { return select(select(v, params.a * (exp(v) - 1.0), v < vec4f()), v, isNan(v)); }
    case 4u: { return select(1.0 / (1.0 + exp(-v)), v, isNan(v)); }
    case 5u: { return select(hyperbolicTangent(v), v, isNan(v)); }
    case 6u: { return limit(v * params.a + params.b, 0.0, 1.0); }
    default: { return v * limit(v / 6.0 + 0.5, 0.0, 1.0); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * 64u * params.each;
  let end = min(begin + 64u * params.each, params.vectors);
  for (var i = begin + lane; i < end; i += 64u) {
    y[i] = activate(x[i]);
  }
}
