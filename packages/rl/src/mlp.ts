import { multiply } from './multiply.js'
import type { Random } from './random.js'

/**
 * A multilayer perceptron with tanh (or ReLU) between layers and a linear last layer, forward and backward, by hand on the CPU in float64.
 * For networks of this size ([32, 32] or [64, 64]) one GPU dispatch costs more than the whole pass.
 *
 * `parameters` and `gradient` are flat, layer after layer: weights [out][in] row by row, then biases [out]. They may be views into a
 * larger vector, so that one optimiser step can span several networks.
 */
export interface Mlp {
  readonly sizes: readonly number[]
  readonly parameters: Float64Array
  readonly gradient: Float64Array
  /** Between layers; tanh where absent. */
  readonly activation?: 'tanh' | 'relu'
}

/** What the forward pass leaves for the backward pass: the outputs of every layer and room for their gradients, [rows][size]. */
export interface Tape {
  readonly rows: number
  readonly outputs: readonly Float64Array[]
  readonly gradients: readonly Float64Array[]
}

export function mlpSize(sizes: readonly number[]): number {
  let total = 0
  for (let l = 1; l < sizes.length; l++) total += sizes[l] * (sizes[l - 1] + 1)
  return total
}

export function createTape(sizes: readonly number[], rows: number): Tape {
  const make = () => sizes.slice(1).map((size) => new Float64Array(rows * size))
  return { rows, outputs: make(), gradients: make() }
}

/** Outputs [n][sizes.at(-1)] for inputs x [n][sizes[0]]; the returned array belongs to the tape. */
export function forward(mlp: Mlp, x: Float64Array, n: number, tape: Tape): Float64Array {
  const { sizes, parameters } = mlp
  let input = x
  let at = 0
  for (let l = 1; l < sizes.length; l++) {
    const output = tape.outputs[l - 1]
    const inSize = sizes[l - 1]
    const outSize = sizes[l]
    const bias = at + outSize * inSize
    for (let i = 0; i < n * outSize; i += outSize) for (let o = 0; o < outSize; o++) output[i + o] = parameters[bias + o]
    multiply(n, outSize, inSize, input, 0, inSize, 1, parameters, at, inSize, 1, output, 0, outSize)
    if (l < sizes.length - 1) {
      if (mlp.activation === 'relu') for (let i = 0; i < n * outSize; i++) output[i] = output[i] > 0 ? output[i] : 0
      // tanh by one exponential: half the time of Math.tanh, absolute error 1e-16
      else for (let i = 0; i < n * outSize; i++) output[i] = 1 - 2 / (Math.exp(2 * output[i]) + 1)
    }
    at = bias + outSize
    input = output
  }
  return input
}

/** Adds to `mlp.gradient` the gradient of a loss whose gradient with respect to the outputs of the last `forward` is `dOutput` [n][out]. */
export function backward(mlp: Mlp, x: Float64Array, n: number, tape: Tape, dOutput: Float64Array): void {
  const { sizes, parameters, gradient } = mlp
  let at = mlpSize(sizes)
  let dy = dOutput
  for (let l = sizes.length - 1; l >= 1; l--) {
    const inSize = sizes[l - 1]
    const outSize = sizes[l]
    at -= outSize * (inSize + 1)
    const input = l === 1 ? x : tape.outputs[l - 2]
    const bias = at + outSize * inSize
    multiply(outSize, inSize, n, dy, 0, 1, outSize, input, 0, 1, inSize, gradient, at, inSize)
    for (let i = 0; i < n * outSize; i += outSize) for (let o = 0; o < outSize; o++) gradient[bias + o] += dy[i + o]
    if (l === 1) return
    const dx = tape.gradients[l - 2].fill(0, 0, n * inSize)
    multiply(n, inSize, outSize, dy, 0, outSize, 1, parameters, at, 1, inSize, dx, 0, inSize)
    throughActivation(mlp, dx, input, n * inSize)
    dy = dx
  }
}

/**
 * The derivative of the outputs of the last `forward` along `direction`, a change of the parameters (a Jacobian-vector product in one
 * pass, no second derivatives): dz = W dh + V h + v, dh = f'(z) dz. [n][out]; the returned array belongs to `tangent`, a tape of its own.
 */
export function forwardTangent(mlp: Mlp, x: Float64Array, n: number, tape: Tape, direction: Float64Array, tangent: Tape): Float64Array {
  const { sizes, parameters } = mlp
  let input = x
  let dInput: Float64Array | null = null // the observations do not change
  let at = 0
  for (let l = 1; l < sizes.length; l++) {
    const dOutput = tangent.outputs[l - 1]
    const inSize = sizes[l - 1]
    const outSize = sizes[l]
    const bias = at + outSize * inSize
    for (let i = 0; i < n * outSize; i += outSize) for (let o = 0; o < outSize; o++) dOutput[i + o] = direction[bias + o]
    multiply(n, outSize, inSize, input, 0, inSize, 1, direction, at, inSize, 1, dOutput, 0, outSize)
    if (dInput) multiply(n, outSize, inSize, dInput, 0, inSize, 1, parameters, at, inSize, 1, dOutput, 0, outSize)
    input = tape.outputs[l - 1]
    if (l < sizes.length - 1) throughActivation(mlp, dOutput, input, n * outSize)
    at = bias + outSize
    dInput = dOutput
  }
  return dInput!
}

/**
 * The gradient with respect to the inputs alone, into `dInput` [n][sizes[0]], of a loss whose gradient with respect to the outputs of the last
 * `forward` is `dOutput`: how a critic Q(s, a) tells a policy where to go. The parameters' gradient is left alone.
 */
export function inputGradient(mlp: Mlp, n: number, tape: Tape, dOutput: Float64Array, dInput: Float64Array): void {
  const { sizes, parameters } = mlp
  let at = mlpSize(sizes)
  let dy = dOutput
  for (let l = sizes.length - 1; l >= 1; l--) {
    const inSize = sizes[l - 1]
    const outSize = sizes[l]
    at -= outSize * (inSize + 1)
    const dx = (l === 1 ? dInput : tape.gradients[l - 2]).fill(0, 0, n * inSize)
    multiply(n, inSize, outSize, dy, 0, outSize, 1, parameters, at, 1, inSize, dx, 0, inSize)
    if (l > 1) throughActivation(mlp, dx, tape.outputs[l - 2], n * inSize)
    dy = dx
  }
}

/** Gradients before the activation from those after it, in place, given what the activation gave. */
function throughActivation({ activation }: Mlp, dx: Float64Array, output: Float64Array, count: number): void {
  if (activation === 'relu') for (let i = 0; i < count; i++) dx[i] = output[i] > 0 ? dx[i] : 0
  else for (let i = 0; i < count; i++) dx[i] *= 1 - output[i] * output[i] // tanh' = 1 - tanh^2
}

/**
 * Orthogonal initialisation (Saxe et al. 2014), biases 0; gain sqrt 2 for hidden layers and `lastGain` for the last
 * (0.01 for an action head, 1 for a value: "The 37 implementation details of PPO", detail 2).
 */
export function initialise(mlp: Mlp, lastGain: number, random: Random): void {
  const { sizes, parameters } = mlp
  let at = 0
  for (let l = 1; l < sizes.length; l++) {
    const inSize = sizes[l - 1]
    const outSize = sizes[l]
    const gain = l === sizes.length - 1 ? lastGain : Math.SQRT2
    const many = Math.max(inSize, outSize)
    const rows = orthonormalRows(Math.min(inSize, outSize), many, random)
    for (let o = 0; o < outSize; o++) {
      for (let i = 0; i < inSize; i++)
        parameters[at + o * inSize + i] = gain * (outSize <= inSize ? rows[o * many + i] : rows[i * many + o])
    }
    parameters.fill(0, at + outSize * inSize, at + outSize * (inSize + 1))
    at += outSize * (inSize + 1)
  }
}

/** Weights and biases uniform within 1 / sqrt(inputs of the layer), as PyTorch's linear layers start (and with them AMC's and TD3's networks). */
export function initialiseUniform({ sizes, parameters }: Mlp, random: Random): void {
  let at = 0
  for (let l = 1; l < sizes.length; l++) {
    const bound = 1 / Math.sqrt(sizes[l - 1])
    for (const end = at + sizes[l] * (sizes[l - 1] + 1); at < end; at++) parameters[at] = bound * (2 * random.uniform() - 1)
  }
}

/** `rows` orthonormal vectors of length `size` >= rows: Gram-Schmidt, each projection twice for accuracy. */
function orthonormalRows(rows: number, size: number, random: Random): Float64Array {
  const q = new Float64Array(rows * size)
  for (let i = 0; i < q.length; i++) q[i] = random.normal()
  for (let r = 0; r < rows; r++) {
    const v = q.subarray(r * size, (r + 1) * size)
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < r; k++) {
        const u = q.subarray(k * size, (k + 1) * size)
        const projection = dot(u, v)
        for (let i = 0; i < size; i++) v[i] -= projection * u[i]
      }
    }
    const norm = Math.sqrt(dot(v, v))
    for (let i = 0; i < size; i++) v[i] /= norm
  }
  return q
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
