/** Lists of the channels that count, for the convolutions of a masked network: what a candidate has removed costs nothing. */
import type { Executable } from '../engine/compile.js'
import { reachedFrom } from '../engine/fuse.js'
import type { Graph, Node } from '../graph.js'
import { scalar } from '../prune/attributes.js'
import { type ChannelGroup, groupsOf } from '../prune/groups.js'
import { maskName } from '../prune/masks.js'
import { type Kept, removedClasses } from '../prune/selection.js'
import { inferShapes } from '../shapes.js'

export interface ListedNetwork {
  readonly graph: Graph
  /** Writes the lists for candidates that are judged in one run; those that are missing are as the first. */
  write(executable: Executable, kept: readonly Kept[]): void
}

/**
 * `network` with a constant `lists:<layer>` (see `FusedConv`), at first of all channels, for every convolution in one group that a mask reaches. Removed channels are
 * zero wherever a layer reads them (`maskGraph`), and what a layer makes of them is masked: not to read and not to make them changes nothing.
 *
 * Where images are not yet repeated for the candidates, a channel counts when any of them keeps it.
 *
 * @param graph the network as it was before masks and fusion, whose convolutions `network` has under their names
 */
export function listChannels(graph: Graph, network: Graph, open: readonly Pick<ChannelGroup, 'id'>[], candidates: number): ListedNetwork {
  const grouping = groupsOf(graph)
  const { analysis, groups: all, place } = grouping
  const ids = new Set(open.map(({ id }) => id))
  const concerned = (atoms: Int32Array) => atoms.some((atom) => ids.has(all[place.get(analysis.find(atom))!.group].id))
  const layers = new Map(
    analysis.layers.flatMap(({ node, inputs, outputs }) =>
      node.op === 'Conv' && inputs && scalar(node, 'group', 1) === 1 && (concerned(inputs) || concerned(outputs))
        ? [[node.name, { tensor: `lists:${node.name}`, inputs, outputs }] as const]
        : [],
    ),
  )
  const initializers = new Map(network.initializers)
  const reached = reachedFrom(
    network.nodes,
    open.map(({ id }) => maskName(id)),
  )
  const shapes = inferShapes(network, { batch: 1 })
  const listed: { tensor: string; rows: number; inputs: Int32Array; outputs: Int32Array }[] = []
  const nodes = network.nodes.map((node): Node => {
    const layer = layers.get(node.name)
    if (!layer || (node.op !== 'Conv' && node.op !== 'FusedConv') || !node.inputs.some((name) => reached.has(name))) return node
    const rows = shapes.get(node.inputs[0])![0] === candidates ? candidates : 1
    listed.push({ ...layer, rows })
    const list = listOf(Array.from(layer.inputs, always), Array.from(layer.outputs, always))
    const data = Int32Array.from({ length: rows * list.length }, (_, i) => list[i % list.length])
    initializers.set(layer.tensor, { dims: [rows, list.length], type: 'int32', data })
    const [x, w, bias = '', residual = '', mask = ''] = node.inputs
    return {
      ...node,
      op: 'FusedConv',
      inputs: [x, w, bias, residual, mask, layer.tensor],
      attributes: { activation: 'none', ...node.attributes },
    }
  })
  const written = new Map<string, string>()
  return {
    graph: { ...network, nodes, initializers },
    write(executable, kept) {
      const removed = kept.map((each) => removedClasses(grouping, each))
      for (const { tensor, rows, inputs, outputs } of listed) {
        const lists = Array.from({ length: rows }, (_, p) => {
          const among = rows === 1 ? removed : [removed[p] ?? removed[0]]
          const counts = (atom: number) => among.some((gone) => !gone.has(analysis.find(atom)))
          return listOf(Array.from(inputs, counts), Array.from(outputs, counts))
        }).flat()
        const key = lists.join()
        if (written.get(tensor) === key) continue
        executable.write(tensor, Int32Array.from(lists))
        written.set(tensor, key)
      }
    },
  }
}

const always = () => true

/** A row of `FusedConv`'s lists, from what is to be read and made. */
function listOf(read: readonly boolean[], made: readonly boolean[]): number[] {
  const numbers = (flags: readonly boolean[]) => {
    const all = flags.map((_, i) => i)
    return [...all.filter((i) => flags[i]), ...all.filter((i) => !flags[i])]
  }
  const count = (flags: readonly boolean[]) => flags.filter(Boolean).length
  return [count(read), count(made), ...numbers(read), ...numbers(made)]
}
