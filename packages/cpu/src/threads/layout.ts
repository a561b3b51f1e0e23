/**
 * How the host and its threads talk: through words (i32) in the memory that also holds the buffers.
 *
 * Submissions are a linked list of blocks: a header, the commands' places, the commands. Every command consists of `total` units (workgroups, pieces of a copy) that
 * threads take in chunks from the counter `next`; who finishes the last of them adds one to `progress`, the number of commands done since the start, and only then does
 * anyone begin with the next command. So a thread without a processor holds nobody up unless it has taken a chunk, and which thread runs what changes no result.
 */

/** Words at the start of memory, each in a cache line of its own. */
export const control = {
  /** Changes with everything a thread may wait for: a command done, a submission appended. */
  epoch: 16,
  /** Commands done. */
  progress: 32,
  /** Threads that sleep until `epoch` changes, or are about to. */
  sleepers: 48,
  /** Threads that watch for the next submission: one does, for the others would only take processors from the host. */
  watchers: 80,
  /** Of every thread: the number of the submission whose block it may still read. */
  positions: 96,
  positionStride: 16,
} as const

export const maxThreads = 128

/**
 * What a unit of each pipeline takes, measured by the threads while they run: 1/16 nanoseconds, 0: not known yet. A shader may take more or less by what it is
 * given: estimates rise at once and fall slowly, for to think too little of a dispatch would leave it to one thread. They only decide how many
 * threads take part, so two pipelines may share one (the table is indexed by the pipeline's number modulo its length).
 */
export const costs = { at: control.positions + maxThreads * control.positionStride, count: 1024, perNanosecond: 16 } as const

/** Bytes from the start that the control words take. */
export const controlBytes = 4 * (costs.at + costs.count)

/** Nanoseconds of work that are worth waking a thread for, and those that are worth taking a chunk for. */
export const worth = { waking: 25_000, taking: 2_000 } as const

/** Words of a block's header. */
export const block = {
  /** Address in words of the next block; 0: there is none yet. */
  next: 0,
  number: 1,
  /** The number of its first command. */
  first: 2,
  count: 3,
  /** Byte address of the scratch memory, and bytes from one thread's to the next's. */
  scratch: 4,
  scratchStride: 5,
  /** Words that memory had when the block was appended: all that its commands touch is within. */
  memory: 6,
  /** From here on: where each command begins, in words from the start of the block. */
  commands: 8,
} as const

/** Words of a command; what follows `args` depends on `op`. */
export const command = { op: 0, total: 1, chunk: 2, next: 3, done: 4, args: 5 } as const

export const op = {
  nothing: 0,
  /** pipeline; the record of `emit/pipeline.ts`. */
  dispatch: 1,
  /** to, from, bytes. Units are pieces of `copyUnit` bytes. */
  copy: 2,
  /** to, bytes: zeros. */
  clear: 3,
  /** id: tells the host. */
  signal: 4,
  /** Address of three counts; the most of them in a dimension; words from this command to the dispatch that gets them; threads. */
  indirect: 5,
  /** Address for the time in nanoseconds, u64. */
  timestamp: 6,
} as const

export const copyUnit = 256 * 1024

/**
 * Units of one chunk. Every thread takes about eight, so that one with less of a processor takes fewer; but none so small that taking it costs more than
 * running it.
 * @param cost of a unit, as in `costs`
 */
export function chunkOf(total: number, threads: number, cost: number): number {
  const worthTaking = cost > 0 ? (total * cost) / (worth.taking * costs.perNanosecond) : total
  return Math.max(1, Math.ceil(total / Math.max(1, Math.min(8 * threads, worthTaking))))
}

/** Whether more than one thread gains from a dispatch. */
export const isWide = (total: number, cost: number): boolean => cost === 0 || total * cost > worth.waking * costs.perNanosecond
