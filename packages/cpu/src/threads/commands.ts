import { chunkOf, command, copyUnit, op } from './layout.js'

/** Commands as words, ready to be copied into a block. Addresses and sizes are in bytes. */
export interface CommandList {
  /** `length` of them hold commands. */
  readonly words: Int32Array
  readonly length: number
  /** Where each command begins. */
  readonly starts: readonly number[]
  /** Chunks of the widest command: so many threads are of use. */
  readonly width: number
}

/** A resource of a dispatch is given by two words, its address and its size, from `arguments_` on. */
export interface CommandWriter extends CommandList {
  /**
   * A dispatch whose bindings the caller writes into `words` from the returned place: two words each, address and size.
   * `words` may be another array after each call.
   */
  dispatch(pipeline: number, x: number, y: number, z: number, bindings: number): number
  /** Like `dispatch`, with counts that are read at `address` when its turn comes: more than `most` in a dimension, and it does nothing. */
  dispatchIndirect(pipeline: number, address: number, most: number, bindings: number): number
  copy(to: number, from: number, bytes: number): void
  clear(to: number, bytes: number): void
  /** Tells the host when all before it is done. */
  signal(id: number): void
  /** Writes the time in nanoseconds as u64. */
  timestamp(to: number): void
  append(list: CommandList): void
  reset(): void
}

export function createCommands(threads: number): CommandWriter {
  let words = new Int32Array(256)
  let length = 0
  let width = 0
  let starts: number[] = []

  const begin = (kind: number, total: number, chunk: number, args: number): number => {
    const start = length
    length += command.args + args
    if (length > words.length) {
      const more = new Int32Array(Math.max(length, 2 * words.length))
      more.set(words)
      words = more
    }
    words[start + command.op] = kind
    words[start + command.total] = total
    words[start + command.chunk] = chunk
    // The array may have been used before.
    words[start + command.next] = 0
    words[start + command.done] = 0
    const chunks = Math.ceil(total / chunk)
    if (chunks > width) width = chunks
    starts.push(start)
    return start + command.args
  }
  const dispatch = (pipeline: number, x: number, y: number, z: number, bindings: number): number => {
    const total = x * y * z
    const args = begin(op.dispatch, total, chunkOf(total, threads), 5 + 2 * bindings)
    words[args] = pipeline
    words[args + 1] = x
    words[args + 2] = y
    words[args + 3] = z
    words[args + 4] = 0
    return args + 5
  }
  const pieces = (bytes: number) => Math.ceil(bytes / copyUnit)

  return {
    get words() {
      return words
    },
    get length() {
      return length
    },
    get starts() {
      return starts
    },
    get width() {
      return width
    },
    dispatch,
    dispatchIndirect(pipeline, address, most, bindings) {
      const args = begin(op.indirect, 1, 1, 4)
      words.set([address, most, length - args + command.args, threads], args)
      width = Math.max(width, threads)
      return dispatch(pipeline, 1, 1, 1, bindings)
    },
    copy(to, from, bytes) {
      if (bytes > 0) begin(op.copy, pieces(bytes), 1, 3)
      if (bytes > 0) words.set([to, from, bytes], length - 3)
    },
    clear(to, bytes) {
      if (bytes > 0) begin(op.clear, pieces(bytes), 1, 2)
      if (bytes > 0) words.set([to, bytes], length - 2)
    },
    signal(id) {
      words[begin(op.signal, 1, 1, 1)] = id
    },
    timestamp(to) {
      const args = begin(op.timestamp, 1, 1, 1)
      words[args] = to
    },
    append(list) {
      const base = length
      if (length + list.length > words.length) {
        const more = new Int32Array(Math.max(length + list.length, 2 * words.length))
        more.set(words)
        words = more
      }
      words.set(list.words.subarray(0, list.length), length)
      length += list.length
      for (const start of list.starts) starts.push(base + start)
      width = Math.max(width, list.width)
    },
    reset() {
      length = 0
      width = 0
      starts = []
    },
  }
}
