// Joined to kernels that must not lose NaN: on bits, because compilers may take comparisons, min and max for ones that hide it.

fn isNan(value: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(value) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

/** Where p or q is NaN, so is the result. */
fn numbersOr(value: vec4f, p: vec4f, q: vec4f) -> vec4f {
  return select(select(value, q, isNan(q)), p, isNan(p));
}

