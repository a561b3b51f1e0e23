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
  /** Of every thread: the number of the submission whose block it may still read. */
  positions: 64,
  positionStride: 16,
} as const

export const maxThreads = 128

/** Bytes from the start that the control words take. */
export const controlBytes = 4 * (control.positions + maxThreads * control.positionStride)

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
 * Units of one chunk. Every thread takes about eight, so that one with less of a processor takes fewer; a chunk has at least so many that taking it costs
 * little beside running it.
 */
export const chunkOf = (total: number, threads: number): number => (threads === 1 ? total : Math.max(1, Math.floor(total / (8 * threads))))
