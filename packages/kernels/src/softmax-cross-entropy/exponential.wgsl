/** On bits: comparisons and max may hide it. */
fn isNan(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}

/** SwiftShader's exp(NaN) is 0. */
fn exponential(z: f32) -> f32 {
  return select(exp(z), z, isNan(z));
}

