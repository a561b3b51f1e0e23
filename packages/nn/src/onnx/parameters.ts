/** What the parameters of layers must be: sizes that fit, and numbers. */
import type { Attributes, Shape } from '@espalier/kernels'
import type { Graph, TensorData } from '../graph.js'

/** Inputs without which an operator has no meaning; 1 where nothing is said. */
const least: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'Conv ConvTranspose Gemm MatMul LayerNormalization PRelu Add Sub Mul Div Pow Gather'.split(' ').map((op) => [op, 2]),
  ),
  ...Object.fromEntries('InstanceNormalization GroupNormalization Where'.split(' ').map((op) => [op, 3])),
  ...Object.fromEntries('Constant RandomNormal RandomUniform Multinomial Bernoulli Optional'.split(' ').map((op) => [op, 0])),
  BatchNormalization: 5,
}

/** Inputs beyond which there is nothing they could be. */
const most: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool Flatten Transpose Softmax'.split(' ').map((op) => [op, 1]),
  ),
  ...Object.fromEntries('Conv ConvTranspose Gemm'.split(' ').map((op) => [op, 3])),
  MatMul: 2,
  PRelu: 2,
  BatchNormalization: 5,
}

/** Operators of any number of inputs, none of which may be left out. */
const variadic = new Set('Concat Sum Mean Max Min'.split(' '))

/** What is wrong with how many inputs there are; undefined where nothing is. */
export function wrongCount(op: string, inputs: readonly string[]): Misfit | undefined {
  const needed = variadic.has(op) ? Math.max(1, inputs.length) : Object.hasOwn(least, op) ? least[op] : 1
  const missing = inputs.findIndex((input) => !input)
  const found = missing < 0 ? inputs.length : missing
  if (found < needed) return { expected: `the first ${needed} inputs`, found: `${found}` }
  const allowed = Object.hasOwn(most, op) ? most[op] : inputs.length
  return inputs.length > allowed && inputs.slice(allowed).some(Boolean)
    ? { expected: `at most ${allowed} inputs`, found: `${inputs.length}` }
    : undefined
}

export interface Misfit {
  readonly expected: string
  readonly found: string
}

/** Whether NumPy would spread `from` over `to` without making it larger. */
const spreads = (from: Shape, to: Shape): boolean =>
  from.length <= to.length && from.every((size, axis) => size === 1 || size === to[axis + to.length - from.length])

type Check = (attributes: Attributes, inputs: readonly (Shape | undefined)[]) => Misfit | undefined

/** Vectors of one number per channel at these inputs. */
const vectors = (inputs: readonly (Shape | undefined)[], positions: readonly number[], size: number, per: string): Misfit | undefined => {
  for (const i of positions) {
    const shape = inputs[i]
    if (shape && !(shape.length === 1 && shape[0] === size))
      return { expected: `input ${i} of [${size}], one number per ${per}`, found: `[${shape}]` }
  }
  return undefined
}

const spread = (inputs: readonly (Shape | undefined)[], positions: readonly number[], target: Shape): Misfit | undefined => {
  for (const i of positions) {
    const shape = inputs[i]
    if (shape && !spreads(shape, target)) return { expected: `input ${i} that can be laid over [${target}]`, found: `[${shape}]` }
  }
  return undefined
}

/** A weight for a kernel of that rank, its rows in equal groups. */
function kernels(attributes: Attributes, w: Shape): Misfit | undefined {
  const group = Number(attributes.group ?? 1)
  const rank = (attributes.kernel_shape as readonly number[]).length + 2
  if (w.length !== rank) return { expected: `a weight of ${rank} dimensions`, found: `[${w}]` }
  if (!(Number.isInteger(group) && group > 0 && w[0] % group === 0))
    return { expected: `a group that divides the ${w[0]} channels of the weight`, found: `${group}` }
  return undefined
}

const perChannel =
  (...positions: number[]): Check =>
  (_, inputs) => {
    const [x] = inputs
    if (!x) return undefined
    return x.length < 2 ? { expected: 'an input with channels', found: `[${x}]` } : vectors(inputs, positions, x[1], 'channel')
  }

const checks: Readonly<Record<string, Check>> = {
  Conv: (attributes, inputs) => inputs[1] && (kernels(attributes, inputs[1]) ?? vectors(inputs, [2], inputs[1][0], 'output channel')),
  ConvTranspose: (attributes, inputs) =>
    inputs[1] && (kernels(attributes, inputs[1]) ?? vectors(inputs, [2], inputs[1][1] * Number(attributes.group ?? 1), 'output channel')),
  Gemm: ({ transA, transB }, inputs) => {
    const [a, b] = inputs
    return a?.length === 2 && b?.length === 2 ? spread(inputs, [2], [a[transA ? 1 : 0], b[transB ? 0 : 1]]) : undefined
  },
  BatchNormalization: perChannel(1, 2, 3, 4),
  InstanceNormalization: perChannel(1, 2),
  GroupNormalization: (attributes, inputs) => {
    const [channels, groups] = [inputs[0]?.[1], Number(attributes.num_groups)]
    if (channels === undefined) return undefined
    if (!(Number.isInteger(groups) && groups > 0 && channels % groups === 0))
      return { expected: `num_groups that divides ${channels} channels`, found: `${groups}` }
    return vectors(inputs, [1, 2], channels, 'channel')
  },
  LayerNormalization: (_, inputs) => inputs[0] && spread(inputs, [1, 2], inputs[0]),
  PRelu: (_, inputs) => inputs[0] && spread(inputs, [1], inputs[0]),
}

/** What of a layer's parameters does not fit; undefined where all does, or cannot be told. */
export function misfit(op: string, attributes: Attributes, inputs: readonly (Shape | undefined)[]): Misfit | undefined {
  return Object.hasOwn(checks, op) ? checks[op](attributes, inputs) : undefined
}

/** Inputs of which no number may be infinite. Elsewhere infinities have a meaning: bounds, masks. */
const finite: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2, 3, 4],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  GroupNormalization: [1, 2],
  PRelu: [1],
  Mul: [0, 1],
}

export interface BadNumber {
  readonly tensor: string
  readonly index: number
  readonly expected: string
  readonly found: number
}

function first(data: ArrayLike<number>, wrong: (value: number) => boolean): number {
  for (let i = 0; i < data.length; i++) if (wrong(data[i])) return i
  return -1
}

const notFinite = (value: number): boolean => !Number.isFinite(value)

/** The first constant with a number that no network can be computed with, re-fitted or trained: NaN, an infinite weight, a negative variance. */
export function badNumber({ nodes, initializers }: Pick<Graph, 'nodes' | 'initializers'>): BadNumber | undefined {
  const strict = new Set<string>()
  for (const { op, inputs } of nodes) for (const i of Object.hasOwn(finite, op) ? finite[op] : []) if (inputs[i]) strict.add(inputs[i])
  // Several names may have one array.
  const seen = new Set<TensorData['data']>()
  for (const pass of [true, false])
    for (const [tensor, { type, data }] of initializers) {
      if (type !== 'float32' || strict.has(tensor) !== pass || seen.has(data)) continue
      seen.add(data)
      const index = first(data as Float32Array, pass ? notFinite : Number.isNaN)
      if (index >= 0) return { tensor, index, expected: pass ? 'a finite number' : 'a number', found: Number(data[index]) }
    }
  const sums = new Set<string>()
  for (const { op, inputs, attributes } of nodes) {
    const variance = op === 'BatchNormalization' ? initializers.get(inputs[4]) : undefined
    const epsilon = Number(attributes.epsilon)
    const sum = `${epsilon} ${inputs[4]}`
    if (!variance || sums.has(sum)) continue
    sums.add(sum)
    const index = first(variance.data as Float32Array, (value) => !(value + epsilon > 0))
    if (index >= 0) return { tensor: inputs[4], index, expected: `a variance above -${epsilon}`, found: Number(variance.data[index]) }
  }
  return undefined
}
