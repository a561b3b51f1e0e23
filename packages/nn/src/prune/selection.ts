/** What a caller wants kept, checked. */
import { InputError } from '../errors.js'
import type { ChannelGroup, Grouping } from './groups.js'

/** Kept unit numbers by group id; groups that are not named keep all. */
export type Kept = Readonly<Record<string, ArrayLike<number>>>

/** Kept units of each group, ascending. Throws InputError for unknown or locked groups, nothing kept, and bad indices. */
export function keptUnits(groups: readonly ChannelGroup[], kept: Kept): Map<string, number[]> {
  const byId = new Map(groups.map((group) => [group.id, group]))
  return new Map(
    Object.entries(kept).map(([id, given]) => {
      const group = byId.get(id)
      const field = `group '${id}'`
      if (!group) {
        const free = groups.filter((one) => one.locked === null).map((one) => one.id)
        throw new InputError('there is no such channel group', { field, expected: `one of ${free.join(', ')}` })
      }
      const indices = Array.from(given).sort((a, b) => a - b)
      const bad = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= group.channels)
      if (bad !== undefined)
        throw new InputError('kept channel out of range', { field, expected: `whole numbers from 0 to ${group.channels - 1}`, found: bad })
      if (new Set(indices).size < indices.length) {
        throw new InputError('kept channel given twice', { field, found: indices.find((index, i) => index === indices[i + 1]) })
      }
      if (indices.length === 0) throw new InputError('nothing kept', { field, expected: 'at least 1 channel', found: 0 })
      if (group.locked !== null && indices.length < group.channels) {
        throw new InputError(`this group is locked (${group.locked})`, {
          field,
          expected: `all ${group.channels} channels`,
          found: indices.length,
        })
      }
      return [id, indices]
    }),
  )
}

/** Classes of channels that go. */
export function removedClasses(grouping: Grouping, kept: Kept): Set<number> {
  const checked = keptUnits(grouping.groups, kept)
  const removed = new Set<number>()
  grouping.groups.forEach((group, g) => {
    const indices = checked.get(group.id)
    if (!indices) return
    const stays = new Set(indices)
    grouping.units[g].forEach((root, unit) => {
      if (!stays.has(unit)) removed.add(root)
    })
  })
  return removed
}
