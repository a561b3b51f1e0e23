/** Operations on two elements. */

type Pair = (a: number, b: number) => number

/** NaN is never lost, not even where IEEE 754 has NaN ^ 0 = 1. */
const power: Pair = (a, b) => (Number.isNaN(a) ? NaN : a ** b)

/** In the order of the shader's OPERATION. Behind PRelu those that only gradients call. */
export const pairs = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Min: Math.min,
  Max: Math.max,
  Pow: power,
  PRelu: (x, slope) => (x < 0 ? slope * x : x),
  /** d max(a, b) / da; equal ones share, as in PyTorch. */
  MaxShare: (a, b) => (a > b ? 1 : a === b ? 0.5 : 0),
  PowBaseSlope: (a, b) => (b === 0 ? 0 : b * power(a, b - 1)),
  /** 0 at base 0, the limit for exponents above 0, as in PyTorch. */
  PowExponentSlope: (a, b) => (a === 0 && b >= 0 ? 0 : power(a, b) * Math.log(a)),
  PReluSlope: (x, slope) => (x <= 0 ? slope : 1),
  MulBelowZero: (x, dy) => (x < 0 ? x * dy : 0),
  IsEqual: (a, b) => (a === b ? 1 : 0),
  DivOrZero: (a, b) => (b === 0 ? 0 : a / b),
} as const satisfies Record<string, Pair>
