/** What reading one model may take: so that a small file cannot ask for any amount of memory, nor for work without end. */
import { InputError } from '../errors.js'

/** What every file may take, however small: models of a few hundred bytes that make their weights (ONNX's light ones) need 250 MB. */
const floor = 2 ** 29
/** Objects, for which V8 has memory of its own: it ends the process at 2 to 4 GiB of them. */
const mostObjects = 1.5 * 2 ** 30
/** Bytes of memory for each byte on disk: weights of half precision become 2, small integers in lists up to 32. */
const perByte = 8

export interface Budget {
  /** Grants memory for bytes that lie on disk. */
  grant(onDisk: number): void
  /** Ask before the memory is allocated. @throws InputError that names `field` when it is more than there may be */
  take(bytes: number, field: string): void
  /** The same for plain objects and lists, of which there may be no more than the language has memory for. */
  takeObjects(bytes: number, field: string): void
  /** Bytes that may still be taken. */
  left(): number
  /** What `step` took is given back where it throws. */
  attempt<T>(step: () => T): T
  /** Numbers that may be computed from constants, where the file has that many. */
  work(numbers: number): number
}

/** @param memoryLimit bytes; in proportion to what lies on disk when absent */
export function createBudget(file: string | undefined, memoryLimit: number | undefined): Budget {
  if (memoryLimit !== undefined && !(memoryLimit > 0))
    throw new InputError('not a limit', { field: 'memoryLimit', expected: 'a number of bytes above 0', found: String(memoryLimit) })
  let [disk, taken, objects] = [0, 0, 0]
  const expect = (bytes: number, limit: number, field: string): void => {
    if (bytes <= limit) return
    const why = memoryLimit === undefined ? ` for ${inMegabytes(disk)} on disk (the option memoryLimit raises it)` : ', the memoryLimit'
    throw new InputError('takes too much memory', {
      file,
      field,
      expected: `at most ${inMegabytes(limit)} in all${why}`,
      found: `${inMegabytes(bytes)} up to here`,
    })
  }
  const limit = () => memoryLimit ?? floor + perByte * disk
  const take: Budget['take'] = (bytes, field) => {
    taken += bytes
    expect(taken, limit(), field)
  }
  return {
    grant(onDisk) {
      disk += onDisk
    },
    take,
    takeObjects(bytes, field) {
      objects += bytes
      expect(objects, Math.min(limit(), Math.max(mostObjects, memoryLimit ?? 0)), field)
      take(bytes, field)
    },
    left: () => limit() - taken,
    attempt(step) {
      const before = taken
      try {
        return step()
      } catch (error) {
        taken = before
        throw error
      }
    },
    work: (numbers) => Math.max(2 ** 22 + perByte * numbers, (memoryLimit ?? 0) / 16),
  }
}

const inMegabytes = (bytes: number): string => (bytes < 1e6 ? `${bytes} bytes` : `${Math.round(bytes / 1e6).toLocaleString('en')} MB`)
