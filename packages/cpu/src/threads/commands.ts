import { chunkOf, command, copyUnit, isWide, op } from './layout.js'

/** Commands as words, ready to be copied into a block. Addresses and sizes are in bytes. */
export interface CommandList {
  /** `length` of them hold commands. */
  readonly words: Int32Array
  readonly length: number
  /** Where each command begins. */
  readonly starts: readonly number[]
  /** So many threads are of use. */
  readonly width: number
}

/** What a unit of a pipeline takes, as in `layout.ts`; 0: not known. */
export type CostOf = (pipeline: number) => number

/** A class, for one is made with every encoder. */
export class CommandWriter implements CommandList {
  words: Int32Array
  length = 0
  starts: number[] = []
  width = 1

  constructor(
    readonly threads: number,
    readonly costOf: CostOf = () => 0,
    room = 256,
  ) {
    this.words = new Int32Array(room)
  }

  /**
   * A dispatch whose bindings the caller writes into `words` from the returned place: two words each, address and size.
   * `words` may be another array after each call.
   */
  dispatch(pipeline: number, x: number, y: number, z: number, bindings: number): number {
    const total = x * y * z
    const cost = this.costOf(pipeline)
    const args = this.#begin(op.dispatch, total, chunkOf(total, this.threads, cost), 5 + 2 * bindings)
    if (isWide(total, cost)) this.width = Math.max(this.width, Math.min(total, this.threads))
    const { words } = this
    words[args] = pipeline
    words[args + 1] = x
    words[args + 2] = y
    words[args + 3] = z
    words[args + 4] = 0
    return args + 5
  }

  /** Like `dispatch`, with counts that are read at `address` when its turn comes: more than `most` in a dimension, and it does nothing. */
  dispatchIndirect(pipeline: number, address: number, most: number, bindings: number): number {
    const args = this.#begin(op.indirect, 1, 1, 4)
    this.words.set([address, most, this.length - args + command.args, this.threads], args)
    this.width = this.threads
    return this.dispatch(pipeline, 1, 1, 1, bindings)
  }

  copy(to: number, from: number, bytes: number): void {
    if (bytes === 0) return
    const args = this.#begin(op.copy, Math.ceil(bytes / copyUnit), 1, 3)
    if (bytes > 4 * copyUnit) this.width = this.threads
    this.words[args] = to
    this.words[args + 1] = from
    this.words[args + 2] = bytes
  }

  /** Zeros. */
  clear(to: number, bytes: number): void {
    if (bytes === 0) return
    const args = this.#begin(op.clear, Math.ceil(bytes / copyUnit), 1, 2)
    if (bytes > 4 * copyUnit) this.width = this.threads
    this.words[args] = to
    this.words[args + 1] = bytes
  }

  /** Tells the host when all before it is done. */
  signal(id: number): void {
    const args = this.#begin(op.signal, 1, 1, 1)
    this.words[args] = id
  }

  /** Writes the time in nanoseconds as u64. */
  timestamp(to: number): void {
    const args = this.#begin(op.timestamp, 1, 1, 1)
    this.words[args] = to
  }

  append(list: CommandList): void {
    const base = this.length
    this.#reserve(base + list.length)
    this.words.set(list.words.subarray(0, list.length), base)
    this.length += list.length
    for (const start of list.starts) this.starts.push(base + start)
    this.width = Math.max(this.width, list.width)
  }

  reset(): void {
    this.length = 0
    this.width = 1
    this.starts = []
  }

  #reserve(length: number): void {
    if (length <= this.words.length) return
    const more = new Int32Array(Math.max(length, 2 * this.words.length))
    more.set(this.words.subarray(0, this.length))
    this.words = more
  }

  #begin(kind: number, total: number, chunk: number, args: number): number {
    const start = this.length
    this.#reserve(start + command.args + args)
    this.length = start + command.args + args
    const { words } = this
    words[start + command.op] = kind
    words[start + command.total] = total
    words[start + command.chunk] = chunk
    // The array may have been used before.
    words[start + command.next] = 0
    words[start + command.done] = 0
    this.starts.push(start)
    return start + command.args
  }
}
