/**
 * Expressions whose results devices may round differently: compared with a tolerance, and never used for anything else.
 * Arguments are tame (multiples of 1/8 in [-32, 32)), scaled to where the function is neither steep nor near a jump.
 */
import { type Context, call, clean, type Expression, inside, level } from './context.js'
import { expression, live } from './expressions.js'
import { bool, f32, matrix, type Type, u32, vector } from './types.js'

const scaled = (e: string, factor: string) => `${e} * ${factor}`
const functions: Record<string, (x: string, y: string) => string> = {
  sin: (x) => `sin(${scaled(x, '0.09')})`,
  cos: (x) => `cos(${scaled(x, '0.09')})`,
  tan: (x) => `tan(${scaled(x, '0.04')})`,
  asin: (x) => `asin(${scaled(x, '0.03')})`,
  acos: (x) => `acos(${scaled(x, '0.03')})`,
  atan: (x) => `atan(${x})`,
  atan2: (x, y) => `atan2(${x} + 0.0625, abs(${y}) + 0.125)`,
  sinh: (x) => `sinh(${scaled(x, '0.1')})`,
  cosh: (x) => `cosh(${scaled(x, '0.1')})`,
  tanh: (x) => `tanh(${scaled(x, '0.1')})`,
  asinh: (x) => `asinh(${x})`,
  acosh: (x) => `acosh(abs(${x}) + 1.25)`,
  atanh: (x) => `atanh(${scaled(x, '0.03')})`,
  exp: (x) => `exp(${scaled(x, '0.1')})`,
  exp2: (x) => `exp2(${scaled(x, '0.15')})`,
  log: (x) => `log(abs(${x}) + 0.125)`,
  log2: (x) => `log2(abs(${x}) + 0.125)`,
  pow: (x, y) => `pow(abs(${x}) * 0.1 + 0.5, ${scaled(y, '0.06')})`,
  inverseSqrt: (x) => `inverseSqrt(abs(${x}) + 0.125)`,
  sqrt: (x) => `sqrt(abs(${x}))`,
  degrees: (x) => `degrees(${x}) * 0.01`,
  radians: (x) => `radians(${x})`,
  smoothstep: (x, y) => `smoothstep(${x} * 0.0 - 1.5, abs(${y}) + 4.0, ${x})`,
  mix: (x, y) => `mix(${x}, ${y}, 0.3)`,
  division: (x, y) => `${x} / (abs(${y}) + 0.5)`,
}

/** A scalar or vector of f32, to compare approximately. */
export function approximate(c: Context, type: Type): string {
  const r = c.random
  const x = () => inside(clean(c, type, live(c, type, 1)), level.unary)
  const one = () => (functions[r.pick(Object.keys(functions))] as (x: string, y: string) => string)(x(), x())
  if (type.kind === 'vector' && r.chance(0.3)) {
    const kind = r.pick(['normalize', 'reflect', 'refract', 'product'])
    if (kind === 'normalize') return `normalize(${x()} + ${type.name}(0.0625))`
    if (kind === 'reflect') return `reflect(${x()} * 0.1, normalize(${x()} + ${type.name}(0.0625)))`
    if (kind === 'refract') return `refract(normalize(${x()} + ${type.name}(0.0625)), normalize(${x()} + ${type.name}(0.0625)), 0.7)`
    const m = matrix(type.size, type.size)
    return `(${inside(clean(c, m, live(c, m, 1)), level.unary)} * 0.013) * (${x()} * 0.07)`
  }
  if (type === f32 && r.chance(0.3)) {
    const operands = vector(2 + r.below(3), f32)
    const v = (): Expression => clean(c, operands, live(c, operands, 1))
    const kind = r.pick(['length', 'distance', 'determinant', 'unpack'])
    if (kind === 'length') return call('length', v()).text
    if (kind === 'distance') return call('distance', v(), v()).text
    if (kind === 'unpack') return `unpack4x8unorm(${live(c, u32, 0).text}).y`
    const m = matrix(operands.size, operands.size)
    return `determinant(${inside(clean(c, m, expression(c, m, 1)), level.unary)} * 0.02)`
  }
  if (r.chance(0.4)) return `select(${one()}, ${one()}, ${inside(live(c, bool, 1), level.shift)})`
  return r.chance(0.3) ? `${one()} + ${one()}` : one()
}
