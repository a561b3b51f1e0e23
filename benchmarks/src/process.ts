/** Contenders as child processes: each has its own heap, its own Dawn and its own compiled code, and only one works at a time. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { Measurement, Settings } from './contenders/contender.js'

export interface Request {
  readonly action: 'describe' | 'prepare' | 'once' | 'outputs' | 'dispose'
  readonly name?: string
}

export interface Reply {
  readonly value?: unknown
  readonly error?: string
}

export interface Description {
  readonly adapter: string
  readonly versions: Readonly<Record<string, string>>
  readonly cases: readonly string[]
}

export interface Process {
  readonly runtime: string
  describe(): Promise<Description>
  prepare(name: string): Promise<void>
  once(name: string): Promise<Measurement>
  outputs(name: string): Promise<number[] | undefined>
  dispose(name: string): Promise<void>
  end(): void
}

/** Starts a runtime. A call that takes longer than `limit` milliseconds fails, and the process ends. */
export function startProcess(runtime: string, settings: Settings, limit = 300_000): Process {
  const child = fork(join(import.meta.dirname, 'contender.js'), [runtime, JSON.stringify(settings)], {
    execArgv: ['--enable-source-maps'],
    // Lavapipe's threads; it takes all cores when nothing is said.
    env: settings.threads ? { ...process.env, LP_NUM_THREADS: String(settings.threads) } : process.env,
  })
  const call = (action: Request['action'], name?: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const what = `${runtime}: ${action}${name ? ` '${name}'` : ''}`
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        done(() => reject(new Error(`${what} took longer than ${limit / 1000} s`)))
      }, limit)
      const onMessage = ({ value, error }: Reply) =>
        done(() => (error === undefined ? resolve(value) : reject(new Error(`${what}: ${error}`))))
      const onExit = (code: number | null, signal: string | null) =>
        done(() => reject(new Error(`${what}: its process ended (${signal ?? code})`)))
      const done = (settle: () => void) => {
        clearTimeout(timer)
        child.off('message', onMessage)
        child.off('exit', onExit)
        settle()
      }
      child.once('message', onMessage)
      child.once('exit', onExit)
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode)
      else child.send({ action, name } satisfies Request)
    })
  return {
    runtime,
    describe: () => call('describe') as Promise<Description>,
    prepare: (name) => call('prepare', name) as Promise<void>,
    once: (name) => call('once', name) as Promise<Measurement>,
    outputs: (name) => call('outputs', name) as Promise<number[] | undefined>,
    dispose: (name) => call('dispose', name) as Promise<void>,
    end: () => void child.kill('SIGKILL'),
  }
}
