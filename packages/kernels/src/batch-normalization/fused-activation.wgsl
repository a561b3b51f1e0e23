// The activation that batch normalisation ends with, by a constant of the pipeline. Joined to the kernels for the CPU device.

override ACTIVATION: u32 = 0u; // 0 none, 1 relu, 2 relu6

/**
 * On bits, because max(NaN, 0) may be 0: what is negative and no NaN becomes 0, what is above 6 and no NaN becomes 6. Negative numbers are, as integers,
 * at most minus infinity's bits, and the NaNs of that sign above.
 */
fn activate(value: f32) -> f32 {
  if (ACTIVATION == 0u) {
    return value;
  }
  let bits = bitcast<i32>(value);
  let relu = select(value, 0.0, bits < -0x7fffff);
  if (ACTIVATION == 1u) {
    return relu;
  }
  return select(relu, 6.0, u32(bits) - 0x40c00000u <= 0x7f800000u - 0x40c00000u);
}

/** The gradient of that, where the activation's argument was `value`. */
fn throughActivation(value: f32, gradient: f32) -> f32 {
  if (ACTIVATION == 0u) {
    return gradient;
  }
  if (ACTIVATION == 1u) {
    return select(gradient, 0.0, value <= 0.0);
  }
  return select(gradient, 0.0, (value <= 0.0) | (value >= 6.0));
}
