/** The coupling sets that follow from the architectures, written out. */
import { expect, test } from 'vitest'
import { channelGroups } from '../../prune/index.js'
import { buildNetwork, type NetworkName } from './index.js'

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)

function expectGroups(name: NetworkName, expected: readonly (readonly string[])[], output: string): void {
  const groups = channelGroups(buildNetwork(name, { zeros: true }))
  const sets = groups
    .filter(({ locked }) => locked === null)
    .map(({ members }) => members.filter(({ side }) => side === 'out').map(({ layer }) => layer))
  const sorted = (all: readonly (readonly string[])[]) => all.map((one) => [...one].sort().join(' ')).sort()
  expect(sorted(sets)).toEqual(sorted(expected))
  const rest = groups.filter(({ locked }) => locked !== null)
  expect(rest.map(({ id, locked }) => [id, locked])).toEqual([
    ['input', 'graph input'],
    [output, 'graph output'],
  ])
}

/** One stream per stage: whatever is added to it, the projection of its first block, and in the first stage of basic blocks the stem. */
test.each([
  ['resnet18', [2, 2, 2, 2]],
  ['resnet34', [3, 4, 6, 3]],
] as const)('%s', (name, depths) => {
  const streams = depths.map((depth, stage) => [
    ...(stage === 0 ? ['conv1'] : [`layer${stage + 1}.0.downsample.0`]),
    ...range(0, depth).map((i) => `layer${stage + 1}.${i}.conv2`),
  ])
  const inner = depths.flatMap((depth, stage) => range(0, depth).map((i) => [`layer${stage + 1}.${i}.conv1`]))
  expectGroups(name, [...streams, ...inner], 'fc')
})

test.each(['resnet50', 'wide_resnet50_2'] as const)('%s', (name) => {
  const depths = [3, 4, 6, 3]
  const streams = depths.map((depth, stage) => [
    `layer${stage + 1}.0.downsample.0`,
    ...range(0, depth).map((i) => `layer${stage + 1}.${i}.conv3`),
  ])
  const inner = depths.flatMap((depth, stage) =>
    range(0, depth).flatMap((i) => [[`layer${stage + 1}.${i}.conv1`], [`layer${stage + 1}.${i}.conv2`]]),
  )
  expectGroups(name, [['conv1'], ...streams, ...inner], 'fc')
})

test('mobilenet_v2', () => {
  // Blocks 1 to 17: the expansion and its depthwise convolution; the first has the stem in place of an expansion.
  const expanded = range(2, 18).map((i) => [`features.${i}.conv.0.0`, `features.${i}.conv.1.0`])
  // Projections of one stage are added up: 16, 24, 32, 64, 96, 160 and 320 channels.
  const stages = [
    [1, 2],
    [2, 4],
    [4, 7],
    [7, 11],
    [11, 14],
    [14, 17],
    [17, 18],
  ]
  const streams = stages.map(([from, to]) => range(from, to).map((i) => `features.${i}.conv.${i === 1 ? 1 : 2}`))
  expectGroups('mobilenet_v2', [['features.0.0', 'features.1.conv.0.0'], ...expanded, ...streams, ['features.18.0']], 'classifier.1')
})

test('shufflenet_v2_x1_0: every channel by itself, but where depthwise convolutions follow', () => {
  const groups = channelGroups(buildNetwork('shufflenet_v2_x1_0', { zeros: true }))
  expect(groups.flatMap(({ members }) => members).every(({ multiplicity }) => multiplicity === 1)).toBe(true)
  const made = groups.filter(({ locked }) => locked === null).reduce((sum, { channels }) => sum + channels, 0)
  // Two or three pointwise convolutions per block and the last one; 4 channels of stage 3 are alone.
  expect(made).toBe(24 + 58 * (3 + 3 * 2) + 116 * (3 + 7 * 2) + 232 * (3 + 3 * 2) + 1024 - 4)
})
