/** What figures depend on, besides the code: printed and stored with them. */
import { execFileSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'

export interface Surroundings {
  readonly date: string
  /** Short commit hash; `+` where the working tree differs in packages/ or benchmarks/src. */
  readonly commit: string
  readonly cpu: string
  /** 1-minute load average: how busy the machine was when the case began. Above 1, figures are of a shared machine. */
  readonly load: number
}

/** The name that results are kept under, which the adapter gives itself, for the one people give it: Mesa's software Vulkan, lavapipe, says llvmpipe. */
export const preferred = (adapter: string | undefined) => (adapter === 'lavapipe' ? 'llvmpipe' : adapter)

export function surroundings(): Surroundings {
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      return ''
    }
  }
  const changed = git('status', '--porcelain', '--', 'packages', 'benchmarks/src', ':/packages', ':/benchmarks/src')
  const model = cpus()[0]?.model.trim() ?? 'unknown'
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    commit: `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed ? '+' : ''}`,
    cpu: `${cpus().length} x ${model}`,
    load: Math.round(loadavg()[0] * 10) / 10,
  }
}
