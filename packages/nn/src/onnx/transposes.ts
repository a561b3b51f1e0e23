/**
 * Transposes that undo one another. Frameworks with channels last write every convolution between two Transposes; what lies between two
 * such sandwiches (bias, activation, addition, concatenation, padding, mean over the image) works on any order of axes.
 */
import type { Attributes, Shape } from '@espalier/kernels'
import type { Graph, Node, TensorData } from '../graph.js'
import { foldNode } from './fold.js'

type Permutation = readonly number[]

/** A tensor that is `source` with its axes in another order: axis i is axis `perm[i]` of `source`. */
interface Turned {
  readonly source: string
  readonly perm: Permutation
}

const isIdentity = (perm: Permutation): boolean => perm.every((axis, i) => axis === i)
const inverse = (perm: Permutation): number[] => perm.map((_, axis) => perm.indexOf(axis))
const list = (attributes: Attributes, name: string): readonly number[] | undefined => attributes[name] as readonly number[] | undefined

/** A size of the tensor with its axes turned, given that of the source: its inverse. */
export const turnedBack = (shape: Shape, perm: Permutation): number[] => {
  const source: number[] = []
  for (const [i, axis] of perm.entries()) source[axis] = shape[i]
  return source
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const alike = words(
  'Relu LeakyRelu Sigmoid HardSigmoid HardSwish Tanh Elu Selu Celu Softplus Softsign Gelu Mish Erf ThresholdedRelu Shrink Exp Log Sqrt Reciprocal Abs Neg Sign Floor Ceil Round Clip',
)
const arithmetic = words('Add Sub Mul Div Min Max Pow PRelu')

/** What an operation on a turned tensor becomes on its source; undefined where it is not the same there. */
function onSource({ op, attributes }: Node, perm: Permutation): { attributes: Attributes; op?: string } | undefined {
  const axis = (given: number) => perm[given < 0 ? given + perm.length : given]
  if (alike.has(op) || arithmetic.has(op)) return { attributes }
  if (op === 'Concat' || op === 'Split') return { attributes: { ...attributes, axis: axis(Number(attributes.axis)) } }
  if (op === 'Slice') return { attributes: { ...attributes, axes: list(attributes, 'axes')!.map(axis) } }
  if (op === 'Pad') {
    const pads = list(attributes, 'pads')!
    const rank = perm.length
    return { attributes: { ...attributes, pads: [...turnedBack(pads.slice(0, rank), perm), ...turnedBack(pads.slice(rank), perm)] } }
  }
  if (op === 'ReduceMean' && attributes.keepdims === 1 && perm.length === 4) {
    const axes = list(attributes, 'axes')!
      .map(axis)
      .sort((a, b) => a - b)
    // As the import writes a mean over the image.
    return axes.join() === '2,3' ? { op: 'GlobalAveragePool', attributes: {} } : { attributes: { ...attributes, axes } }
  }
  return undefined
}

/** A mean over height and width that leaves [N, C]. */
const isImageMean = ({ op, attributes }: Node, perm: Permutation): boolean =>
  op === 'ReduceMean' &&
  attributes.keepdims === 0 &&
  perm.length === 4 &&
  perm[0] === 0 &&
  list(attributes, 'axes')!
    .map((axis) => perm[axis < 0 ? axis + 4 : axis])
    .sort()
    .join() === '2,3'

export interface Surroundings {
  constant(name: string): TensorData | undefined
  /** Adds a constant; a name that is free comes back. */
  addConstant(name: string, tensor: TensorData): string
  /** A name for the tensor that `name` is a turned view of (or for one on the way to it). */
  addTensor(name: string, perm: Permutation | undefined): string
  readonly outputs: readonly string[]
}

export interface Turning {
  readonly nodes: readonly Node[]
  /** Tensors that turned out to be other tensors. */
  readonly aliases: ReadonlyMap<string, string>
}

/** @param through whether Transposes move behind what works on any order of axes (constants are then turned, under new names) */
function turn(nodes: readonly Node[], around: Surroundings, through: boolean): Turning {
  const turned = new Map<string, Turned>()
  const aliases = new Map<string, string>()
  const made: Node[] = []
  const constants = new Map<string, string>()
  const nameOf = (tensor: string) => aliases.get(tensor) ?? tensor
  const settle = (tensor: string): string => {
    const name = nameOf(tensor)
    const view = turned.get(name)
    if (view) {
      turned.delete(name)
      const key = `${view.source}\n${view.perm}`
      const same = written.get(key)
      if (same !== undefined) {
        aliases.set(name, same)
        return same
      }
      written.set(key, name)
      made.push({ name, op: 'Transpose', inputs: [view.source], outputs: [name], attributes: { perm: view.perm } })
      settled.set(name, view)
    }
    return name
  }
  // What is written as a Transpose may still be read as a view.
  const settled = new Map<string, Turned>()
  const written = new Map<string, string>()
  const viewOf = (tensor: string) => turned.get(nameOf(tensor)) ?? settled.get(nameOf(tensor))

  const turnedConstant = (name: string, perm: Permutation): string | undefined => {
    const constant = around.constant(name)
    if (!constant || constant.dims.length > perm.length) return undefined
    if (constant.data.length === 1) return name
    const key = `${name}\n${perm}`
    if (!constants.has(key)) {
      const dims = [...new Array<number>(perm.length - constant.dims.length).fill(1), ...constant.dims]
      const whole = foldNode('Transpose', { perm: inverse(perm) }, [{ ...constant, dims }])!
      const first = whole.dims.findIndex((size) => size !== 1)
      constants.set(key, around.addConstant(`${name}/turned`, { ...whole, dims: whole.dims.slice(first) }))
    }
    return constants.get(key)!
  }

  /** The node on the sources of its inputs, when all that are computed are turned alike. */
  const moved = (node: Node): boolean => {
    const views = node.inputs.map((input) => (input && !around.constant(input) ? viewOf(input) : undefined))
    const view = views.find((each) => each !== undefined)
    if (!view) return false
    if (isImageMean(node, view.perm)) {
      // Without axes of size 1 nothing is left to turn.
      const pooled = around.addTensor(node.outputs[0], undefined)
      made.push({ name: `${node.name}/0`, op: 'GlobalAveragePool', inputs: [view.source], outputs: [pooled], attributes: {} })
      made.push({ ...node, op: 'Flatten', inputs: [pooled], attributes: { axis: 1 } })
      return true
    }
    const target = onSource(node, view.perm)
    if (!target) return false
    const inputs: string[] = []
    for (const [i, input] of node.inputs.entries()) {
      const each = views[i]
      const source = each && String(each.perm) === String(view.perm) ? each.source : undefined
      const constant = !source && arithmetic.has(node.op) ? turnedConstant(input, view.perm) : undefined
      if (!source && !constant) return false
      inputs.push((source ?? constant)!)
    }
    const outputs = node.outputs.map((output) => output && around.addTensor(output, view.perm))
    made.push({ ...node, op: target.op ?? node.op, inputs, outputs, attributes: target.attributes })
    node.outputs.forEach((output, i) => {
      if (output) turned.set(output, { source: outputs[i], perm: view.perm })
    })
    return true
  }

  for (const node of nodes) {
    if (node.op === 'Transpose' && !around.constant(node.inputs[0])) {
      const perm = list(node.attributes, 'perm')!
      const before = viewOf(node.inputs[0]) ?? { source: nameOf(node.inputs[0]), perm: perm.map((_, i) => i) }
      const whole = perm.map((axis) => before.perm[axis])
      if (isIdentity(whole)) aliases.set(node.outputs[0], before.source)
      else turned.set(node.outputs[0], { source: before.source, perm: whole })
    } else if (!(through && moved(node))) {
      made.push({ ...node, inputs: node.inputs.map((input) => input && settle(input)) })
    }
  }
  for (const output of around.outputs) settle(output)
  return { nodes: made, aliases }
}

const count = (nodes: readonly Node[]): number => nodes.filter(({ op }) => op === 'Transpose').length

/** Fewer Transposes, where they can be fewer: nodes otherwise unchanged. */
export function withFewerTransposes(nodes: readonly Node[], around: Surroundings): Turning {
  if (count(nodes) < 2) return { nodes, aliases: new Map() }
  const joined = turn(nodes, around, false)
  const through = turn(nodes, around, true)
  const best = count(through.nodes) < count(joined.nodes) ? through : joined
  return count(best.nodes) < count(nodes) ? best : { nodes, aliases: new Map() }
}

/** Transposes of Transposes as one, or none; constants and all other nodes stay as they are. */
export function joinTransposes(graph: Graph): Graph {
  const never = (): string => {
    throw new Error('joinTransposes makes no tensors')
  }
  const { nodes, aliases } = turn(
    graph.nodes,
    {
      constant: (name) => graph.initializers.get(name),
      addConstant: never,
      addTensor: never,
      outputs: graph.outputs.map(({ name }) => name),
    },
    false,
  )
  const named = graph.outputs.flatMap(({ name }): Node[] => {
    const source = aliases.get(name)
    return source === undefined ? [] : [{ name: `${name}:same`, op: 'Identity', inputs: [source], outputs: [name], attributes: {} }]
  })
  return { ...graph, nodes: [...nodes, ...named] }
}
