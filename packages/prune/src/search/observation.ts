import { costOf } from '@espalier/nn'
import type { Space } from '../space/space.js'

/**
 * Index, input and output channels, kernel, stride and padding (each h and w), sum of earlier actions: the state of arXiv 2110.08558. And which
 * group it is, one number for each, so that what is learnt of one does not have to be told from the others by small differences.
 */
export const stateSize = (space: Space, { sum = true } = {}) => (sum ? 10 : 9) + space.open.length

/** What the agent sees before it decides on a group: its first layer, each number scaled by its greatest value over the groups, so that nothing depends on what was seen before. */
export function createStates(space: Space, { sum: withSum = true } = {}): (index: number, removed: readonly number[]) => number[] {
  const nodes = new Map(space.graph.nodes.map((node) => [node.name, node]))
  const shapes = new Map(costOf(space.graph).layers.map((layer) => [layer.name, layer]))
  const rows = space.open.map(({ group }, index) => {
    const layer = group.members.find((member) => member.side === 'out')?.layer ?? ''
    const { inputShape, outputShape } = shapes.get(layer) ?? {}
    const pair = (name: string, missing: number): [number, number] => {
      const values = nodes.get(layer)?.attributes[name]
      return Array.isArray(values) && values.length >= 2 ? [Number(values[0]), Number(values[1])] : [missing, missing]
    }
    return [
      index,
      inputShape?.[1] ?? 0,
      outputShape?.[1] ?? group.channels,
      ...pair('kernel_shape', 1),
      ...pair('strides', 1),
      ...pair('pads', 0),
    ]
  })
  const greatest = rows[0].map((_, column) => Math.max(...rows.map((row) => Math.abs(row[column])), 1e-9))
  return (index, removed) => {
    const sum = removed.slice(0, index).reduce((total, share) => total + share, 0)
    return [
      ...rows[index].map((value, column) => value / greatest[column]),
      ...(withSum ? [sum / space.open.length] : []),
      ...rows.map((_, other) => (other === index ? 1 : 0)),
    ]
  }
}
