/** Masks as inputs: a network that can be asked what it would be worth without some of its channels. */
import type { Attributes } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData, ValueInfo } from '../graph.js'
import { type ChannelGroup, type Grouping, groupsOf } from './groups.js'
import type { Layout } from './layout.js'
import { createEdit } from './surgery.js'
import { keepsZeros, movesZeros } from './zeros.js'

export interface MaskOptions {
  /** Candidates judged in one run, P: the batch becomes P times as large, image b of candidate p at p * B + b. 1 when absent. */
  readonly candidates?: number
}

/** Name of the graph input [P, channels] that masks a group. */
export const maskName = (group: string): string => `mask:${group}`

/**
 * The network with an input `mask:<id>` [P, channels] for every unlocked group among `groups`: 1 keeps a unit, 0 removes it.
 *
 * A removed channel is zero wherever a layer reads it. Masks stand right behind the convolution, normalisation and activation
 * that make the channels where that is enough (they then cost nothing), else further on, before the layer that reads. A tensor made of several groups, or with
 * several channels per unit, gets its mask from the groups' masks by a product with a matrix of zeros and ones.
 *
 * The images are repeated for the candidates as late as possible: by the first mask on a path (attribute `expand`), or by a
 * `RepeatBatch` where a path without masks joins one with.
 */
export function maskGraph(graph: Graph, groups: readonly Pick<ChannelGroup, 'id'>[], { candidates = 1 }: MaskOptions = {}): Graph {
  const grouping = groupsOf(graph)
  const wanted = new Set(groups.map((group) => group.id))
  const unknown = groups.find(({ id }) => !grouping.groups.some((group) => group.id === id))
  if (unknown) throw new InputError('there is no such channel group', { field: `group '${unknown.id}'` })
  const selected = new Set(
    [...grouping.groups.keys()].filter((g) => wanted.has(grouping.groups[g].id) && grouping.groups[g].locked === null),
  )
  const points = maskPoints(grouping, selected)
  const masks = createMasks(grouping, selected)
  const edit = createEdit(graph)
  const nodes: Node[] = []
  const current = new Map<string, string>()
  for (const node of graph.nodes) {
    nodes.push(renameInputs(node, current))
    for (const name of node.outputs) {
      if (!points.has(name)) continue
      const output = edit.tensor(`${name}.masked`)
      nodes.push(...maskNodes(name, masks.of(name, edit), output, grouping.analysis.layouts.get(name)!, edit))
      current.set(name, output)
    }
  }
  const inputs: ValueInfo[] = [...selected].map((g) => ({
    name: maskName(grouping.groups[g].id),
    shape: [candidates, grouping.groups[g].channels],
    type: 'float32',
  }))
  const masked = edit.finish([...masks.nodes, ...nodes])
  const single = new Set([...masks.nodes.flatMap((node) => node.outputs), ...inputs.map((input) => input.name)])
  return { ...(candidates > 1 ? repeatBatch(masked, candidates, single) : masked), inputs: [...graph.inputs, ...inputs] }
}

/** A mask works on axis 1: channels elsewhere are brought there and back. */
function maskNodes(input: string, mask: string, output: string, { axis, shape }: Layout, edit: Edit): Node[] {
  const node = (name: string, op: string, inputs: string[], attributes: Attributes): Node => ({
    name,
    op,
    inputs,
    outputs: [name],
    attributes,
  })
  if (axis === 1) return [node(output, 'Mask', [input, mask], { expand: 0 })]
  const others = shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis)
  const perm = [0, axis, ...others]
  const inner = edit.tensor(`${input}.channels`)
  const masked = edit.tensor(`${input}.channels.masked`)
  return [
    node(inner, 'Transpose', [input], { perm }),
    node(masked, 'Mask', [inner, mask], { expand: 0 }),
    node(output, 'Transpose', [masked], { perm: perm.map((_, i) => perm.indexOf(i)) }),
  ]
}

function renameInputs(node: Node, current: ReadonlyMap<string, string>): Node {
  return node.inputs.some((name) => current.has(name)) ? { ...node, inputs: node.inputs.map((name) => current.get(name) ?? name) } : node
}

/** Tensors to mask so that every layer reads zeros in removed channels. */
export function maskPoints({ analysis, place }: Grouping, selected: ReadonlySet<number>): Set<string> {
  const { graph, layouts } = analysis
  // The last node of a shuffle stands for all three.
  const whole = (node: Node): Node => {
    const shuffle = analysis.shuffles.get(node)
    return shuffle ? { ...node, inputs: [shuffle.input] } : node
  }
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, whole(node)] as const)))
  const concerned = (name: string) => layouts.get(name)?.atoms.some((atom) => selected.has(place.get(analysis.find(atom))!.group)) ?? false
  const points = new Set<string>()
  const known = new Map<string, boolean>()
  const zero = (name: string): boolean => {
    const before = known.get(name)
    if (before !== undefined) return before
    const node = producer.get(name)
    // Channels side by side do not touch one another; anywhere else an input without masked channels brings values of its own.
    const own = (input: string) => zero(input) && (node!.op === 'Concat' || concerned(input))
    const is = points.has(name) || !concerned(name) || (node !== undefined && keepsZeros(graph, node, own))
    known.set(name, is)
    return is
  }
  const mask = (name: string): void => {
    if (zero(name)) return
    const node = producer.get(name)!
    const elsewhere = layouts.get(name)!.axis !== 1
    const earlier = movesZeros(graph, node) || (elsewhere && keepsZeros(graph, node, () => true))
    if (earlier) for (const input of node.inputs) if (layouts.has(input)) mask(input)
    if (!earlier || !zero(name)) {
      points.add(name)
      known.clear()
    }
  }
  for (const layer of analysis.layers) if (layer.inputs) mask(layer.node.inputs[0])
  return points
}

/** The mask of a tensor: that of its group, or one composed of several. */
function createMasks({ analysis, groups, place }: Grouping, selected: ReadonlySet<number>) {
  const nodes: Node[] = []
  const made = new Map<string, string>()
  const joined = (involved: readonly number[], edit: Edit): string => {
    const names = involved.map((g) => maskName(groups[g].id))
    if (names.length === 1) return names[0]
    const key = names.join('\n')
    if (!made.has(key)) {
      const name = edit.tensor('masks')
      nodes.push({ name, op: 'Concat', inputs: names, outputs: [name], attributes: { axis: 1 } })
      made.set(key, name)
    }
    return made.get(key)!
  }
  const of = (tensor: string, edit: Edit): string => {
    const { atoms } = analysis.layouts.get(tensor)!
    const places = Array.from(atoms, (atom) => place.get(analysis.find(atom))!)
    const involved = [...new Set(places.map(({ group }) => group))].filter((group) => selected.has(group)).sort((a, b) => a - b)
    const [first] = involved
    const plain = places.length === groups[first].channels && places.every(({ group, unit }, i) => group === first && unit === i)
    if (plain) return maskName(groups[first].id)
    const key = places.map(({ group, unit }) => (selected.has(group) ? `${group}.${unit}` : '-')).join()
    if (!made.has(key)) {
      const start = new Map(involved.map((group, i) => [group, involved.slice(0, i).reduce((sum, g) => sum + groups[g].channels, 0)]))
      const rows = involved.reduce((sum, g) => sum + groups[g].channels, 0)
      const matrix = new Float32Array(rows * places.length)
      const ones = new Float32Array(places.length)
      places.forEach(({ group, unit }, i) => {
        if (selected.has(group)) matrix[(start.get(group)! + unit) * places.length + i] = 1
        else ones[i] = 1
      })
      const constant = (name: string, dims: number[], data: Float32Array): string =>
        edit.add(`${tensor}.${name}`, { dims, type: 'float32', data } satisfies TensorData)
      const inputs = [joined(involved, edit), constant('units', [rows, places.length], matrix), constant('kept', [places.length], ones)]
      const name = edit.tensor(`${tensor}.mask`)
      nodes.push({ name, op: 'Gemm', inputs, outputs: [name], attributes: { alpha: 1, beta: 1, transA: 0, transB: 0 } })
      made.set(key, name)
    }
    return made.get(key)!
  }
  return { nodes, of }
}

type Edit = ReturnType<typeof createEdit>

/** Marks the masks that repeat the images, and repeats them where a tensor that was not meets one that was. */
function repeatBatch(graph: Graph, repeats: number, single: ReadonlySet<string>): Graph {
  const edit = createEdit(graph)
  const repeated = new Set<string>()
  const nodes: Node[] = []
  const copies = new Map<string, string>()
  const copy = (name: string): string => {
    if (!copies.has(name)) {
      const output = edit.tensor(`${name}.repeated`)
      nodes.push({ name: output, op: 'RepeatBatch', inputs: [name], outputs: [output], attributes: { repeats } })
      copies.set(name, output)
    }
    return copies.get(name)!
  }
  const images = (name: string) => name !== '' && !graph.initializers.has(name) && !single.has(name)
  for (const node of graph.nodes) {
    const some = node.inputs.some((name) => repeated.has(name))
    if (node.op === 'Mask' && !some) nodes.push({ ...node, attributes: { expand: 1 } })
    else if (some) nodes.push({ ...node, inputs: node.inputs.map((name) => (images(name) && !repeated.has(name) ? copy(name) : name)) })
    else nodes.push(node)
    if (some || node.op === 'Mask') for (const name of node.outputs) repeated.add(name)
  }
  // An output that no mask reaches is repeated too, under its own name: every output has one row per candidate and image.
  const plain = graph.outputs.map((output) => output.name).filter((name) => !repeated.has(name))
  const renamed = new Map(plain.map((name) => [name, edit.tensor(`${name}.single`)]))
  const rename = (name: string) => renamed.get(name) ?? name
  const all =
    renamed.size === 0 ? nodes : nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }))
  const last = [...renamed].map(
    ([name, from]): Node => ({ name: `${name}.repeat`, op: 'RepeatBatch', inputs: [from], outputs: [name], attributes: { repeats } }),
  )
  return edit.finish([...all, ...last])
}
