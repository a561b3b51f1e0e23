import type { CommandList, CostOf } from './commands.js'

/** Runs submitted commands in order, on threads or in slices of the host's own. */
export interface Runner {
  readonly threads: number
  readonly costOf: CostOf
  /** Makes a pipeline known, before the first submission with it. @returns its number */
  addPipeline(module: WebAssembly.Module, scratchBytes: number): number
  /** No submission will have it any more. */
  removePipeline(pipeline: number): void
  /** Appends commands. @returns the submission's number, one more than the last; undefined: no memory for the commands */
  submit(list: CommandList): number | undefined
  /** The number of the last submission that is done, with all before it. */
  done(): number
  /** Resolves once the submission is done, and keeps the process alive until then; also when the runner is closed or fails. */
  wait(submission: number): Promise<void>
  /** Ends the threads; what is not done stays so. */
  close(): void
}
