// y = f(x) element by element. NaN comes out as NaN: comparisons that must see it are made on bits, because a
// compiler may take max(x, 0), or select(x, 0, x < 0), for the hardware's maximum, which hides it, and SwiftShader's exp(NaN) is a number.

override FUNCTION: u32 = 0u; // the order of activation.reference.ts

struct Params {
  vectors: u32,
  each: u32, // vectors per invocation
  a: f32, // alpha; Clip: min; Shrink: lambd; Gelu: 1 for its form with tanh
  b: f32, // beta; Clip: max; Selu: gamma; Shrink: bias
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn isInfinite(value: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(value) & vec4u(0x7fffffffu)) == vec4u(0x7f800000u);
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

/** NaN or an infinity, which as constants are refused. */
fn special(bits: u32) -> vec4f {
  return vec4f(bitcast<f32>(bits | (params.vectors & 0u)));
}

/** Functions of numbers: NaN is kept out. */
fn further(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 8u: { return v / (1.0 + exp(-v)); }
    case 9u: {
      if (params.a != 0.0) {
        return v * sigmoid(1.5957691216 * (v + 0.044715 * v * v * v));
      }
      return 0.5 * v * (1.0 + errorFunction(v * 0.70710678118));
    }
    case 10u: { return params.b * select(v, params.a * (exp(v) - 1.0), v < vec4f()); }
    case 11u: { return select(v, params.a * (exp(v / params.a) - 1.0), v < vec4f()); }
    case 12u: { return max(v, vec4f()) + log(1.0 + exp(-abs(v))); }
    case 13u: { return v / (1.0 + abs(v)); }
    case 14u: { return select(v, vec4f(), v <= vec4f(params.a)); }
    case 15u: {
      // tanh(log(1 + e)) = (e e + 2 e) / (e e + 2 e + 2), 1 in float32 from v = 9 on
      let e = exp(min(v, vec4f(9.0)));
      let n = e * e + 2.0 * e;
      return v * n / (n + 2.0);
    }
    case 16u: { return select(select(vec4f(), v - params.b, v > vec4f(params.a)), v + params.b, v < vec4f(-params.a)); }
    case 17u: { return exp(v); }
    case 18u: { return select(select(log(v), special(0xff800000u), v == vec4f()), special(0x7fc00000u), v < vec4f()); }
    case 19u: { return select(sqrt(v), special(0x7fc00000u), v < vec4f()); }
    case 20u: { return 1.0 / v; }
    case 21u: { return -v; }
    case 22u: { return abs(v); }
    case 23u: { return sign(v); }
    case 24u: { return floor(v); }
    case 25u: { return ceil(v); }
    case 26u: { return round(v); }
    case 27u: { return errorFunction(v); }
    case 28u: { return select(sine(v, 0.0), special(0x7fc00000u), isInfinite(v)); }
    default: { return select(sine(v, 1.0), special(0x7fc00000u), isInfinite(v)); }
  }
}

fn activate(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 0u: { return select(v, vec4f(), (bitcast<vec4u>(v) ^ vec4u(0x80000000u)) <= vec4u(0x7f800000u)); }
    case 1u: { return limit(v, params.a, params.b); }
    case 2u: { return select(v, v * params.a, v < vec4f()); }
    case 3u: { return select(select(v, params.a * (exp(v) - 1.0), v < vec4f()), v, isNan(v)); }
    case 4u: { return select(sigmoid(v), v, isNan(v)); }
    case 5u: { return select(hyperbolicTangent(v), v, isNan(v)); }
    case 6u: { return limit(v * params.a + params.b, 0.0, 1.0); }
    case 7u: { return v * limit(v / 6.0 + 0.5, 0.0, 1.0); }
    default: { return select(further(v), v, isNan(v)); }
  }
}

fn element(i: u32) {
  y[i] = activate(x[i]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * 64u * params.each;
  let end = min(begin + 64u * params.each, params.vectors);
  for (var i = begin + lane; i < end; i += 64u) {
    element(i);
  }
}
