/** Costs that can only be called: modules and commands of the user's own. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InputError } from '@espalier/nn'
import type { CostFunction } from './budgets.js'

/** The default export of an ES module. @throws InputError naming `field`, the option that asked for it */
export async function loadModule(path: string, field: string): Promise<CostFunction> {
  let module: { default?: unknown }
  try {
    module = await import(/* @vite-ignore */ pathToFileURL(resolve(path)).href)
  } catch (error) {
    // Who imported it is a file of ours.
    const message = (error instanceof Error ? error.message : String(error)).replace(/ imported from .*$/, '')
    throw new InputError('the module cannot be loaded', { file: path, field, expected: 'an ES module', found: message, cause: error })
  }
  if (typeof module.default !== 'function')
    throw new InputError('the module has no cost function', {
      file: path,
      field,
      expected: 'export default async (candidate) => number',
      found: `default export: ${typeof module.default}`,
    })
  return module.default as CostFunction
}

/**
 * A function that never answers must not hold up a search for good: it is given up after `patience` ms. One that never gives the thread back (an endless
 * loop) cannot be.
 */
export const patient =
  (cost: CostFunction, patience: number): CostFunction =>
  (candidate) => {
    const value = cost(candidate)
    if (!(value instanceof Promise)) return value
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took longer than ${patience / 1000} s`)), patience)
    })
    return Promise.race([value, late]).finally(() => clearTimeout(timer))
  }

/** Runs the command, without a shell, with the path of the candidate's ONNX file as its last argument; it prints one number. It is ended after `patience` ms. */
export function commandCost([command, ...words]: readonly string[], patience: number): CostFunction {
  return async (candidate) => {
    const folder = await mkdtemp(join(tmpdir(), 'espalier-candidate-'))
    try {
      const file = join(folder, 'candidate.onnx')
      await writeFile(file, candidate.onnx())
      const printed = (await printedBy(command, [...words, file], patience)).trim()
      const value = printed === '' ? Number.NaN : Number(printed)
      if (!Number.isFinite(value)) throw new Error(`${command} printed '${printed.slice(0, 60)}' and not one number`)
      return value
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** More than this is no number. */
const mostPrinted = 4096

/** What a command prints. Errors say what became of it, with the last line of its standard error. */
function printedBy(command: string, words: readonly string[], patience: number): Promise<string> {
  return new Promise((answer, fail) => {
    // A path stays relative to where the user stands; a bare name is looked up as a shell would.
    const program = command.includes('/') ? resolve(command) : command
    // A group of its own: what the command started ends with it, and Ctrl-C stops the search and not the measurement.
    const group = process.platform !== 'win32'
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: group })
    const said = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] = (said[stream] + text).slice(...(stream === 'stdout' ? [0, mostPrinted] : [-mostPrinted]))
      })
    const end = () => {
      try {
        if (group) process.kill(-child.pid!, 'SIGKILL')
        else child.kill('SIGKILL')
      } catch {
        // It ended just now.
      }
    }
    const timer = setTimeout(() => {
      end()
      fail(new Error(`${command} took longer than ${patience / 1000} s`))
    }, patience)
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const reasons: Readonly<Record<string, string>> = { ENOENT: 'is not there', EACCES: 'may not be executed' }
      fail(new Error(`${command} ${reasons[error.code ?? ''] ?? `cannot be run: ${error.message}`}`))
    })
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      if (status === 0) return answer(said.stdout)
      const last = said.stderr.trim().split('\n').at(-1)
      fail(new Error(`${command} ${signal ? `was ended by ${signal}` : `ended with status ${status}`}${last ? `: ${last}` : ''}`))
    })
  })
}
