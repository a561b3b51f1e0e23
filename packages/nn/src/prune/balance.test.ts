import { expect, test } from 'vitest'
import { createAtoms } from './atoms.js'
import { balance } from './balance.js'

/** Classes of 0 to n - 1 after balancing, `tied` before. */
function classes(count: number, groups: number, tied: readonly number[][] = []): number[][] {
  const atoms = createAtoms()
  const channels = atoms.fresh(count)
  for (const [first, ...others] of tied) for (const other of others) atoms.unite(first, other)
  balance(atoms, { atoms: channels, groups })
  const found = new Map<number, number[]>()
  for (const atom of channels) found.set(atoms.find(atom), [...(found.get(atoms.find(atom)) ?? []), atom])
  return [...found.values()]
}

test('free channels go one of each group', () => {
  expect(classes(6, 2)).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
  ])
})

test('what is even already stays as it is', () => {
  expect(
    classes(8, 2, [
      [0, 7],
      [1, 2, 4, 5],
    ]),
  ).toEqual([
    [0, 7],
    [1, 2, 4, 5],
    [3, 6],
  ])
})

test('classes of several channels of one group meet such of the others', () => {
  // Groups 0 to 4 and 5 to 9; 4 and 5 are one class across the border.
  const tied = [
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7],
    [8, 9],
  ]
  expect(classes(10, 2, tied)).toEqual([
    [0, 1, 6, 7],
    [2, 3, 8, 9],
    [4, 5],
  ])
})

test('where nothing fits all is one', () => {
  expect(
    classes(6, 2, [
      [0, 1],
      [3, 4, 5],
    ]),
  ).toHaveLength(1)
})
