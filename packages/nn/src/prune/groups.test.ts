import { describe, expect, test } from 'vitest'
import { channelGroups } from './index.js'
import { hasShared, sharedGraph, sharedJson } from './testing/shared.js'

interface Expected {
  readonly groups: string[][] | null
  readonly locked: string[]
}

const outs = (members: readonly { layer: string; side: string }[]) => members.filter(({ side }) => side === 'out').map(({ layer }) => layer)
const sets = (groups: string[][]) => new Set(groups.map((group) => group.toSorted((a, b) => a.localeCompare(b)).join(' ')))

describe.runIf(hasShared)('shared graphs', () => {
  const expected = hasShared ? sharedJson<Record<string, Expected>>('cases/graphs/expected.json') : {}
  test.each(Object.keys(expected))('%s', async (name) => {
    const groups = channelGroups(await sharedGraph(`cases/graphs/${name}.onnx`))
    const free = groups.filter((group) => group.locked === null)
    const locked = groups.filter((group) => group.locked === 'graph output').flatMap((group) => outs(group.members))
    expect(new Set(locked)).toEqual(new Set(expected[name].locked))
    if (expected[name].groups) expect(sets(free.map((group) => outs(group.members)))).toEqual(sets(expected[name].groups))
    else expect(free.length).toBeGreaterThan(0)
  })
})

if (!hasShared) test.skip('shared cases are not there: set ESPALIER_SHARED', () => {})
