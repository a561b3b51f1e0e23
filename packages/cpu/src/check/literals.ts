/** Number literals to constants. */
import { constant, type Operand } from './operand.js'
import { type Position, WgslError } from './program.js'
import { abstractFloat, abstractInt, f32, i32, u32 } from './types.js'

export function checkNumber(text: string, position: Position): Operand {
  const hex = /^0x/i.test(text)
  const float = hex ? /[.p]/i.test(text) : /[.efh]/i.test(text)
  const last = text[text.length - 1]
  const suffix = last === 'i' || last === 'u' || ((last === 'f' || last === 'h') && (!hex || (float && /p/i.test(text)))) ? last : ''
  const shown = text.length > 64 ? `${text.slice(0, 64)}…` : text
  const digits = suffix ? text.slice(0, -1) : text
  if (suffix === 'h') throw new WgslError(`'${text}' needs the feature 'shader-f16', which this device does not have`, position)
  if (float) {
    const value = hex ? parseHexFloat(digits, position) : Number(digits)
    const rounded = suffix === 'f' ? Math.fround(value) : value
    if (!Number.isFinite(rounded)) throw new WgslError(`${shown} is out of the range of '${suffix ? 'f32' : 'abstract-float'}'`, position)
    if (hex && suffix === 'f' && rounded !== value) throw new WgslError(`${text} is not exactly a number of type 'f32'`, position)
    return constant(rounded, suffix ? f32 : abstractFloat, position)
  }
  // Long ones are out of range anyway, and slow to make.
  const value = BigInt(digits.length < 100 ? digits : digits.replace(/^0x0+/i, '0x').slice(0, 100))
  const [type, greatest] =
    suffix === 'i'
      ? ([i32, 0x7fffffffn] as const)
      : suffix === 'u'
        ? ([u32, 0xffffffffn] as const)
        : ([abstractInt, 0x7fffffffffffffffn] as const)
  if (value > greatest) throw new WgslError(`${shown} is out of the range of '${type.name}'`, position)
  return constant(suffix ? Number(value) : value, type, position)
}

/** `0x1.8p-3`, rounded toward zero where it has more than 53 bits. */
function parseHexFloat(text: string, position: Position): number {
  const [, whole, fraction = '', exponent = '0'] = /^0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]+))?$/i.exec(text)!
  let mantissa = BigInt(`0x${whole}${fraction}` === '0x' ? '0' : `0x${whole}${fraction}`)
  if (mantissa === 0n) return 0
  let power = Number(exponent) - 4 * fraction.length
  const bits = mantissa.toString(2).length
  if (bits > 53) {
    mantissa >>= BigInt(bits - 53)
    power += bits - 53
  }
  if (power > 1100) throw new WgslError(`${text} is out of the range of 'abstract-float'`, position)
  let value = Number(mantissa)
  // In steps, because 2 to the power alone may be out of range
  for (power = Math.max(power, -2300); power !== 0; ) {
    const step = Math.max(-1000, Math.min(1000, power))
    value *= 2 ** step
    power -= step
  }
  return value
}
