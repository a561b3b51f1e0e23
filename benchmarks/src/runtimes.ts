/** The processes of a run: each runtime is started when it is first asked for, and stays. */
import type { Arm } from './comparisons.js'
import type { Settings } from './contenders/contender.js'
import { type Process, startProcess } from './process.js'

export interface Runtimes {
  /** The process of an arm; undefined, and said once, where it does not start or has no such case, and may be left out. */
  of(arm: Pick<Arm, 'runtime' | 'settings' | 'optional'> & { readonly case?: string }): Promise<Process | undefined>
  /** What has been met so far. */
  readonly versions: Readonly<Record<string, string>>
  end(): void
}

/** @param adapter what all must run on; undefined where each is on one of its own */
export function createRuntimes(settings: Settings, adapter: string | undefined): Runtimes {
  const started = new Map<string, Promise<{ process: Process; cases: readonly string[] } | undefined>>()
  const processes: Process[] = []
  const versions: Record<string, string> = {}

  async function start({ runtime, settings: other, optional }: Pick<Arm, 'runtime' | 'settings' | 'optional'>) {
    const process = startProcess(runtime, { ...settings, ...other }, 900_000)
    processes.push(process)
    try {
      const about = await process.describe()
      Object.assign(versions, about.versions)
      if (other?.prefer) versions[other.prefer] = `'${about.adapter}'`
      if (adapter !== undefined && about.adapter !== adapter)
        throw new Error(`${runtime} runs on '${about.adapter}', the others on '${adapter}'`)
      return { process, cases: about.cases }
    } catch (error) {
      process.end()
      if (!optional) throw error
      // Without the stack.
      const [reason] = String(error).split(/\n +at /)
      console.log(`  left out: ${runtime}${other?.prefer ? ` on ${other.prefer}` : ''}: ${reason}`)
      return undefined
    }
  }

  return {
    versions,
    async of(arm) {
      const key = JSON.stringify([arm.runtime, arm.settings])
      const found = started.get(key) ?? start(arm)
      started.set(key, found)
      const made = await found
      if (arm.optional && arm.case && !made?.cases.includes(arm.case)) return undefined
      return made?.process
    },
    end() {
      for (const process of processes) process.end()
    },
  }
}
