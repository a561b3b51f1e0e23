/** What long work tells whoever watches. The library is silent by default; the command line draws it. */
export interface Reporter {
  /** A line worth keeping. */
  log(line: string): void
  /** Where a stage of the work is. `total` 0 where it is not known. */
  progress(stage: string, done: number, total: number, detail?: string): void
}

export const silent: Reporter = { log() {}, progress() {} }

/** A share, as it is written everywhere. */
export const percent = (share: number) => `${(100 * share).toFixed(2)}%`
