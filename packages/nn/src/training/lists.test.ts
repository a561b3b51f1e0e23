import { expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import type { Executable } from '../engine/compile.js'
import { fuseForInference } from '../engine/fuse.js'
import { channelGroups, maskGraph } from '../prune/index.js'
import { listChannels } from './lists.js'

/** What was written into an executable, by tensor. */
function recorder() {
  const written = new Map<string, number[]>()
  return { written, executable: { write: (name: string, data: Int32Array) => void written.set(name, [...data]) } as unknown as Executable }
}

const rows = (values: readonly number[], length: number) =>
  Array.from({ length: values.length / length }, (_, p) => values.slice(p * length, (p + 1) * length))

test('every convolution behind a mask has a list of what each candidate keeps', () => {
  const graph = buildArchitecture('tiny', { input: [1, 28, 28] })
  const groups = channelGroups(graph).filter(({ locked }) => locked === null)
  const network = fuseForInference(maskGraph(graph, groups, { candidates: 2 }))
  const { graph: listed, write } = listChannels(graph, network, groups, 2)
  const lists = [...listed.initializers].filter(([name]) => name.startsWith('lists:'))
  const convolutions = network.nodes.filter(({ op }) => op === 'FusedConv' || op === 'Conv')
  // The first one is masked where the images are repeated, behind it: no mask reaches it.
  expect(lists.map(([name]) => name)).toEqual(convolutions.slice(1).map(({ name }) => `lists:${name}`))
  for (const [name, { dims, data }] of lists) {
    const node = listed.nodes.find(({ inputs }) => inputs[5] === name)!
    const [outputs, channels] = listed.initializers.get(node.inputs[1])!.dims
    const all = (count: number) => Array.from({ length: count }, (_, i) => i)
    expect(dims).toEqual([2, 2 + channels + outputs])
    expect(rows(Array.from(data, Number), dims[1])).toEqual(Array(2).fill([channels, outputs, ...all(channels), ...all(outputs)]))
  }

  const { written, executable } = recorder()
  const [first, second] = groups
  const kept = { [first.id]: [3, 1], [second.id]: [0, 2, 5] }
  write(executable, [kept, {}])
  const name = second.members.find(({ side }) => side === 'out')!.layer
  const [narrow, whole] = rows(written.get(`lists:${name}`)!, 2 + first.channels + second.channels)
  expect(narrow.slice(0, 4)).toEqual([2, 3, 1, 3])
  expect(narrow.slice(2, 2 + first.channels).toSorted((a, b) => a - b)).toEqual(whole.slice(2, 2 + first.channels))
  expect(narrow.slice(2 + first.channels, 5 + first.channels)).toEqual([0, 2, 5])
  expect(whole.slice(0, 2)).toEqual([first.channels, second.channels])

  // One candidate stands for those that are missing, and what is there already is not written again.
  written.clear()
  write(executable, [kept])
  const again = rows(written.get(`lists:${name}`)!, narrow.length)
  expect(again).toEqual([narrow, narrow])
  written.clear()
  write(executable, [kept])
  expect(written.size).toBe(0)
})
