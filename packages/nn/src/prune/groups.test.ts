import { describe, expect, test } from 'vitest'
import { channelGroups } from './index.js'
import { hasShared, sharedGraph, sharedJson } from './testing/shared.js'

interface Expected {
  readonly groups: string[][] | null
  readonly locked: string[]
}

const outs = (members: readonly { layer: string; side: string }[]) => members.filter(({ side }) => side === 'out').map(({ layer }) => layer)
const sorted = (groups: string[][]) => groups.map((group) => [...group].sort()).sort((a, b) => (a.join() < b.join() ? -1 : 1))

describe.runIf(hasShared)('shared graphs', () => {
  const expected = hasShared ? sharedJson<Record<string, Expected>>('cases/graphs/expected.json') : {}
  test.each(Object.keys(expected))('%s', async (name) => {
    const groups = channelGroups(await sharedGraph(`cases/graphs/${name}.onnx`))
    const free = groups.filter((group) => group.locked === null)
    const locked = groups.filter((group) => group.locked === 'graph output').flatMap((group) => outs(group.members))
    expect(locked.sort()).toEqual([...expected[name].locked].sort())
    if (expected[name].groups) expect(sorted(free.map((group) => outs(group.members)))).toEqual(sorted(expected[name].groups))
    else expect(free.length).toBeGreaterThan(0)
  })
})

test.runIf(!hasShared)('shared cases are not there: set ESPALIER_SHARED', () => {})
