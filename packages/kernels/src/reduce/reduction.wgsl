// What is reduced: before(x) of every element, combined, and finish() of the result. Joined to the kernels that reduce.

override COMBINE: u32 = 0u; // 0 sum, 1 maximum, 2 minimum, 3 product
override BEFORE: u32 = 0u; // 0 nothing, 1 absolute value, 2 square, 3 exp
override AFTER: u32 = 0u; // 0 times the factor, 1 square root, 2 log, 3 0 for an infinity

fn before(v: vec4f) -> vec4f {
  switch BEFORE {
    case 1u: { return abs(v); }
    case 2u: { return v * v; }
    case 3u: { return select(exp(v), v, isNan(v)); } // SwiftShader's exp(NaN) is 0
    default: { return v; }
  }
}

fn combine(p: vec4f, q: vec4f) -> vec4f {
  switch COMBINE {
    case 1u: { return numbersOr(max(p, q), p, q); }
    case 2u: { return numbersOr(min(p, q), p, q); }
    case 3u: { return p * q; }
    default: { return p + q; }
  }
}

/** NaN or an infinity, which as constants are refused. */
fn special(bits: u32) -> vec4f {
  return vec4f(bitcast<f32>(bits | (params.count & 0u)));
}

fn finish(v: vec4f) -> vec4f {
  switch AFTER {
    case 1u: { return select(sqrt(v), v, isNan(v)); }
    case 2u: {
      let value = select(select(log(v), special(0xff800000u), v == vec4f()), special(0x7fc00000u), v < vec4f());
      return select(value, v, isNan(v));
    }
    case 3u: { return select(v, vec4f(), (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) == vec4u(0x7f800000u)); }
    default: { return params.factor * v; }
  }
}
