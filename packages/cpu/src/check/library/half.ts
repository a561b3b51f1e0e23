/** Numbers of 16 bits, as bits. */

/** To the nearest, ties to even; undefined where it is too great. */
export function toHalf(value: number): number | undefined {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  // The step between neighbours: 2^-24 of subnormals, else 2^-10 of the power of two below
  const exponent = Math.max(-14, magnitude === 0 ? -14 : floorLog2(magnitude))
  const step = 2 ** (exponent - 10)
  const units = roundEven(magnitude / step)
  const rounded = units * step
  if (rounded > 65504) return undefined
  if (rounded < 2 ** -14) return sign | units
  const power = floorLog2(rounded)
  return sign | ((power + 15) << 10) | (rounded / 2 ** (power - 10) - 1024)
}

export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const magnitude =
    exponent === 31
      ? fraction
        ? Number.NaN
        : Number.POSITIVE_INFINITY
      : exponent === 0
        ? fraction * 2 ** -24
        : (1024 + fraction) * 2 ** (exponent - 25)
  return bits & 0x8000 ? -magnitude : magnitude
}

export function roundEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest < 0.5) return below || value * 0
  if (rest > 0.5) return below + 1 || -0
  return below % 2 === 0 ? below || value * 0 : below + 1 || -0
}

/** The exponent of a positive normal number, exactly. */
export function floorLog2(value: number): number {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  return ((bits.getUint16(0) >> 4) & 0x7ff) - 1023
}
