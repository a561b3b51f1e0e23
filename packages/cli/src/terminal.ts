import type { Reporter } from '@espalier/prune'
import { SingleBar } from 'cli-progress'

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface TerminalReporter extends Reporter {
  /** Ends a bar that is still drawn. */
  stop(): void
}

/** Logs and progress on standard error: a bar on a terminal, elsewhere a line per tenth of a stage. */
export function terminalReporter(stderr: Output, quiet: boolean): TerminalReporter {
  if (quiet) return { log() {}, progress() {}, stop() {} }
  return stderr.isTTY ? bars(stderr) : lines(stderr)
}

function bars(stderr: Output): TerminalReporter {
  let bar: SingleBar | undefined
  let stage = ''
  const stop = () => {
    bar?.stop()
    bar = undefined
    stage = ''
  }
  return {
    log(line) {
      stop()
      stderr.write(`${line}\n`)
    },
    progress(name, done, total, detail = '') {
      if (name !== stage) {
        stop()
        stage = name
        bar = new SingleBar({
          format: '{stage} [{bar}] {percentage}% {detail}',
          stream: stderr as NodeJS.WritableStream,
          barsize: Math.max(10, Math.min(30, (stderr.columns ?? 80) - 60)),
          hideCursor: true,
          clearOnComplete: false,
          stopOnComplete: false,
          linewrap: false,
        })
        bar.start(Math.max(1, total), 0, { stage: name, detail })
      }
      bar!.setTotal(Math.max(1, total))
      bar!.update(done, { stage: name, detail })
      if (total > 0 && done >= total) stop()
    },
    stop,
  }
}

function lines(stderr: Output): TerminalReporter {
  let stage = ''
  let tenth = -1
  return {
    log: (line) => void stderr.write(`${line}\n`),
    progress(name, done, total, detail = '') {
      const at = total > 0 ? Math.floor((10 * done) / total) : 0
      if (name === stage && at <= tenth) return
      stage = name
      tenth = at
      stderr.write(`${name} ${total > 0 ? `${Math.floor((100 * done) / total)}%` : done}${detail ? ` ${detail}` : ''}\n`)
      if (total > 0 && done >= total) stage = ''
    },
    stop() {},
  }
}
