/** Functions of one element and their derivatives; `a` and `b` are the parameters of activation.ts. */

export type Scalar = (value: number, a: number, b: number) => number

/** Math.max and Math.min give NaN for NaN. */
const limit = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const normalDensity = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)

/** The series 2 / sqrt(pi) exp(-x x) sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)), which has no cancellation; 1 in float64 from 6 on. */
export function erf(x: number): number {
  if (Math.abs(x) >= 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; n < 150; n++) sum += term *= (2 * x * x) / (2 * n + 1)
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** x sigmoid(2 u(x)) = x (1 + tanh u(x)) / 2 with u of Hendrycks and Gimpel (arXiv 1606.08415). */
const twiceU = (x: number) => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)

function geluSlope(x: number, tanh: number): number {
  if (!tanh) return 0.5 * (1 + erf(x / Math.SQRT2)) + x * normalDensity(x)
  const s = sigmoid(twiceU(x))
  return s + x * s * (1 - s) * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x)
}

function mishSlope(x: number): number {
  const t = Math.tanh(softplus(x))
  return t + x * (1 - t * t) * sigmoid(x)
}

/** Halves go to the even neighbour. */
function roundHalfToEven(x: number): number {
  const below = Math.floor(x)
  return x - below === 0.5 ? 2 * Math.round(below / 2) : Math.round(x)
}

/** In the order of the shader's FUNCTION. `derivative` takes y where `saved` says so; steps have none: their gradient is zero. */
export const functions: readonly { op: string; saved: 'x' | 'y'; value: Scalar; derivative?: Scalar }[] = [
  { op: 'Relu', saved: 'y', value: (x) => limit(x, 0, Infinity), derivative: (y) => (y <= 0 ? 0 : 1) },
  { op: 'Clip', saved: 'x', value: limit, derivative: (x, low, high) => (x <= low || x >= high ? 0 : 1) },
  { op: 'LeakyRelu', saved: 'x', value: (x, alpha) => (x < 0 ? alpha * x : x), derivative: (x, alpha) => (x <= 0 ? alpha : 1) },
  {
    op: 'Elu',
    saved: 'x',
    value: (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x),
    derivative: (x, alpha) => (x <= 0 ? alpha * Math.exp(x) : 1),
  },
  { op: 'Sigmoid', saved: 'y', value: (x) => 1 / (1 + Math.exp(-x)), derivative: (y) => y * (1 - y) },
  { op: 'Tanh', saved: 'y', value: (x) => Math.tanh(x), derivative: (y) => 1 - y * y },
  {
    op: 'HardSigmoid',
    saved: 'x',
    value: (x, alpha, beta) => limit(alpha * x + beta, 0, 1),
    derivative: (x, alpha, beta) => (alpha * x + beta <= 0 || alpha * x + beta >= 1 ? 0 : alpha),
  },
  {
    op: 'HardSwish',
    saved: 'x',
    value: (x) => x * limit(x / 6 + 0.5, 0, 1),
    derivative: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
  },
  { op: 'Silu', saved: 'x', value: (x) => x * sigmoid(x), derivative: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
  {
    op: 'Gelu',
    saved: 'x',
    value: (x, tanh) => (tanh ? x * sigmoid(twiceU(x)) : 0.5 * x * (1 + erf(x / Math.SQRT2))),
    derivative: geluSlope,
  },
  {
    op: 'Selu',
    saved: 'x',
    value: (x, alpha, gamma) => gamma * (x < 0 ? alpha * Math.expm1(x) : x),
    derivative: (x, alpha, gamma) => gamma * (x <= 0 ? alpha * Math.exp(x) : 1),
  },
  {
    op: 'Celu',
    saved: 'x',
    value: (x, alpha) => (x < 0 ? alpha * Math.expm1(x / alpha) : x),
    derivative: (x, alpha) => (x <= 0 ? Math.exp(x / alpha) : 1),
  },
  { op: 'Softplus', saved: 'x', value: softplus, derivative: sigmoid },
  { op: 'Softsign', saved: 'x', value: (x) => x / (1 + Math.abs(x)), derivative: (x) => (1 + Math.abs(x)) ** -2 },
  { op: 'ThresholdedRelu', saved: 'x', value: (x, alpha) => (x <= alpha ? 0 : x), derivative: (x, alpha) => (x <= alpha ? 0 : 1) },
  { op: 'Mish', saved: 'x', value: (x) => x * Math.tanh(softplus(x)), derivative: mishSlope },
  {
    op: 'Shrink',
    saved: 'x',
    value: (x, lambd, bias) => (x < -lambd ? x + bias : x > lambd ? x - bias : 0 * x),
    derivative: (x, lambd) => (Math.abs(x) <= lambd ? 0 : 1),
  },
  { op: 'Exp', saved: 'y', value: Math.exp, derivative: (y) => y },
  { op: 'Log', saved: 'x', value: Math.log, derivative: (x) => 1 / x },
  { op: 'Sqrt', saved: 'y', value: Math.sqrt, derivative: (y) => 0.5 / y },
  { op: 'Reciprocal', saved: 'y', value: (x) => 1 / x, derivative: (y) => -y * y },
  { op: 'Neg', saved: 'x', value: (x) => -x, derivative: () => -1 },
  { op: 'Abs', saved: 'x', value: Math.abs, derivative: Math.sign },
  { op: 'Sign', saved: 'x', value: Math.sign },
  { op: 'Floor', saved: 'x', value: Math.floor },
  { op: 'Ceil', saved: 'x', value: Math.ceil },
  { op: 'Round', saved: 'x', value: roundHalfToEven },
  { op: 'Erf', saved: 'x', value: erf, derivative: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) },
  { op: 'Sin', saved: 'x', value: Math.sin, derivative: Math.cos },
  { op: 'Cos', saved: 'x', value: Math.cos, derivative: (x) => -Math.sin(x) },
]
