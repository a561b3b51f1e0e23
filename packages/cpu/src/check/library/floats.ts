/** Functions of floats, and what all numbers have. Constants: float64, rounded to float32 for f32. */
import { round, wrap } from '../arithmetic.js'
import { EvaluationError, type Scalar } from '../constants.js'
import { eachComponent } from '../operators.js'
import type { AnyScalarName } from '../types.js'
import { each, type LibraryFunction, whole } from './entry.js'
import { floorLog2, fromHalf, roundEven, toHalf } from './half.js'

type Numbers = readonly number[]
const list = (value: number | Numbers): Numbers => (typeof value === 'number' ? [value] : value)
const dot = (a: Numbers, b: Numbers) => a.reduce((sum, x, i) => sum + x * b[i], 0)
const norm = (a: number | Numbers) => Math.hypot(...list(a))

/** A function of one float. */
function real(apply: (x: number) => number): LibraryFunction {
  return each('*T -> *T', 'float', (type, x: number) => round(apply(x), type))
}

function between(low: Scalar, high: Scalar): boolean {
  return low <= high
}

/** That each component of the argument `low` is not above that of `low + 1`, where both are constants. */
function ordered(low: number, name: string): LibraryFunction['check'] {
  return (values) => {
    const [a, b] = [values[low], values[low + 1]]
    if (a === undefined || b === undefined) return
    eachComponent([a, b], (x, y) => {
      if (!between(x, y)) throw new EvaluationError(`'${name}' with a low bound of ${x} above the high bound of ${y}`)
      return true
    })
  }
}

const smaller = (_: AnyScalarName, a: Scalar, b: Scalar) => (b < a ? b : a)
const greater = (_: AnyScalarName, a: Scalar, b: Scalar) => (a < b ? b : a)

export const floats: Record<string, LibraryFunction> = {
  abs: each('*T -> *T', 'number', (type, x: number | bigint) => {
    if (typeof x === 'number' && type !== 'i32' && type !== 'u32') return Math.abs(x)
    return wrap(x < 0 ? -BigInt(x) : BigInt(x), type)
  }),
  acos: real(Math.acos),
  acosh: real(Math.acosh),
  asin: real(Math.asin),
  asinh: real(Math.asinh),
  atan: real(Math.atan),
  atanh: real(Math.atanh),
  atan2: each('*T *T -> *T', 'float', (type, y: number, x: number) => round(Math.atan2(y, x), type)),
  ceil: real(Math.ceil),
  clamp: each(
    '*T *T *T -> *T',
    'number',
    (type, x: number, low: number, high: number) => smaller(type, greater(type, x, low), high),
    ordered(1, 'clamp'),
  ),
  cos: real(Math.cos),
  cosh: real(Math.cosh),
  cross: whole('v3T v3T -> v3T', 'float', (type, a: Numbers, b: Numbers) =>
    [0, 1, 2].map((i) => round(a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3], type)),
  ),
  degrees: real((x) => (x * 180) / Math.PI),
  distance: whole('*T *T -> T', 'float', (type, a: number | Numbers, b: number | Numbers) =>
    round(norm(list(a).map((x, i) => x - list(b)[i])), type),
  ),
  dot: whole('vT vT -> T', 'number', (type, a: readonly Scalar[], b: readonly Scalar[]) => {
    if (type === 'f32' || type === 'abstract-float') return round(dot(a as Numbers, b as Numbers), type)
    return wrap(
      a.reduce((sum: bigint, x, i) => sum + BigInt(x) * BigInt(b[i]), 0n),
      type,
    )
  }),
  exp: real(Math.exp),
  exp2: real((x) => 2 ** x),
  faceForward: whole('vT vT vT -> vT', 'float', (_, a: Numbers, b: Numbers, c: Numbers) => (dot(b, c) < 0 ? a : a.map((x) => -x))),
  floor: real(Math.floor),
  fma: each('*T *T *T -> *T', 'float', (type, a: number, b: number, c: number) => round(a * b + c, type)),
  fract: real((x) => x - Math.floor(x)),
  inverseSqrt: real((x) => 1 / Math.sqrt(x)),
  ldexp: each(
    '*T *I -> *T',
    'float',
    (type, x: number, power: number | bigint) => round(scale(x, Number(power)), type),
    (values, type) => {
      const limit = type === 'f32' ? 128 : 1024
      if (values[1] === undefined) return
      eachComponent([values[1]], (power) => {
        if (Number(power) > limit) throw new EvaluationError(`'ldexp' with an exponent of ${power}: at most ${limit} is allowed`)
        return true
      })
    },
  ),
  length: whole('*T -> T', 'float', (type, a: number | Numbers) => round(norm(a), type)),
  log: real(Math.log),
  log2: real(Math.log2),
  max: each('*T *T -> *T', 'number', greater),
  min: each('*T *T -> *T', 'number', smaller),
  mix: each('*T *T *T -> *T; vT vT T -> vT', 'float', (type, a: number, b: number, t: number) => round(a * (1 - t) + b * t, type)),
  normalize: whole('vT -> vT', 'float', (type, a: Numbers) => {
    const length = norm(a)
    if (length === 0) throw new EvaluationError("'normalize' of a vector of length 0")
    return a.map((x) => round(x / length, type))
  }),
  pow: each('*T *T -> *T', 'float', (type, x: number, y: number) => {
    if (x < 0 || (x === 0 && y <= 0)) throw new EvaluationError(`'pow' of ${x} to the ${y}: the base must be above 0`)
    return round(x ** y, type)
  }),
  quantizeToF16: each('*f32 -> *f32', 'none', (_, x: number) => {
    const bits = toHalf(x)
    if (bits === undefined) throw new EvaluationError(`${x} is out of the range of 'f16'`)
    return fromHalf(bits)
  }),
  radians: real((x) => (x * Math.PI) / 180),
  reflect: whole('vT vT -> vT', 'float', (type, a: Numbers, normal: Numbers) => {
    const twice = 2 * dot(normal, a)
    return a.map((x, i) => round(x - twice * normal[i], type))
  }),
  refract: whole('vT vT T -> vT', 'float', (type, a: Numbers, normal: Numbers, ratio: number) => {
    const cosine = dot(normal, a)
    const k = 1 - ratio * ratio * (1 - cosine * cosine)
    return a.map((x, i) => (k < 0 ? 0 : round(ratio * x - (ratio * cosine + Math.sqrt(k)) * normal[i], type)))
  }),
  round: real(roundEven),
  saturate: real((x) => Math.min(Math.max(x, 0), 1)),
  sign: each('*T -> *T', 'signed', (_, x: number | bigint): Scalar => {
    if (typeof x === 'bigint') return x > 0n ? 1n : x < 0n ? -1n : 0n
    return Math.sign(x)
  }),
  sin: real(Math.sin),
  sinh: real(Math.sinh),
  smoothstep: each(
    '*T *T *T -> *T',
    'float',
    (type, low: number, high: number, x: number) => {
      const t = Math.min(Math.max(round((x - low) / (high - low), type), 0), 1)
      return round(t * t * (3 - 2 * t), type)
    },
    (values) => {
      const [low, high] = values
      if (low === undefined || high === undefined) return
      eachComponent([low, high], (a, b) => {
        if (a === b) throw new EvaluationError(`'smoothstep' with equal edges, ${String(a)}`)
        return true
      })
    },
  ),
  sqrt: real(Math.sqrt),
  step: each('*T *T -> *T', 'float', (_, edge: number, x: number) => (edge <= x ? 1 : 0)),
  tan: real(Math.tan),
  tanh: real(Math.tanh),
  trunc: real(Math.trunc),
}

/** x 2^power where 2^power itself may be out of range. */
function scale(x: number, power: number): number {
  const half = Math.trunc(Math.max(-2200, power) / 2)
  return x * 2 ** half * 2 ** (Math.max(-2200, power) - half)
}

/** x = fraction 2^exponent, 0.5 <= |fraction| < 1. */
export function frexp(x: number): { fract: number; exp: number } {
  if (x === 0) return { fract: x, exp: 0 }
  // Subnormals are made normal first.
  const tiny = Math.abs(x) < 2 ** -1000 ? 100 : 0
  const exp = floorLog2(Math.abs(x) * 2 ** tiny) + 1 - tiny
  return { fract: scale(x, -exp), exp }
}

export function modf(x: number): { fract: number; whole: number } {
  const part = Math.trunc(x)
  return { fract: x - part, whole: part }
}
