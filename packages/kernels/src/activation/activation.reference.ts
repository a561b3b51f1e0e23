/** Activations and their derivatives, one line each; `a` and `b` are the parameters of activation.ts. */

export type Scalar = (value: number, a: number, b: number) => number

/** Math.max and Math.min give NaN for NaN. */
const limit = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)

/** In the order of the shader's FUNCTION. `derivative` takes y where `saved` says so. */
export const functions: readonly { op: string; saved: 'x' | 'y'; value: Scalar; derivative: Scalar }[] = [
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
]
