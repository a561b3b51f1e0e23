import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { Platform, WorkerEvents, WorkerHandle } from './platform.js'

export function openPlatform(): Platform {
  return { cores: availableParallelism(), unshared: undefined, startWorker, compile, compileAsync }
}

function startWorker(code: string, name: string, events: WorkerEvents): WorkerHandle {
  // Neither the parent's flags (loaders, inspectors) nor its NODE_OPTIONS are the worker's business.
  const worker = new Worker(code, { eval: true, name, execArgv: [], env: {} })
  let over = false
  const failed = (reason: string) => {
    if (!over) events.failed(reason)
    over = true
  }
  worker.on('message', (data: unknown) => events.message(data))
  worker.on('error', (error) => failed(error.message))
  worker.on('exit', (code) => failed(`the thread ended by itself (exit code ${code})`))
  worker.unref()
  return {
    post: (message) => worker.postMessage(message),
    keepAlive: (on) => (on ? worker.ref() : worker.unref()),
    terminate: () => {
      over = true
      void worker.terminate()
    },
  }
}

/** Of V8; 11, 12 and 13 (Node 20, 22 and 24) were tried. Flags that an engine does not know it complains about on standard error. */
const engine = Number.parseInt(process.versions.v8, 10)
const tried = engine >= 11 && engine <= 13

// Behind a flag in Node 20. Nothing else depends on it: modules without its instructions compile to the same code.
if (engine === 11) setFlagsFromString('--experimental-wasm-relaxed-simd')

/**
 * V8 compiles a function when it is first called, with its fast compiler, and a second time, well, after it was called for long enough; a call that runs meanwhile
 * stays slow to its end. Measured (300 multiply-adds in a loop of 100,000 turns): 21 to 50 ms for the first call and 0.04 for later ones; 0.04 for
 * all when compiled so, in 0.5 to 1.5 ms for three such functions. The flags are read when a compilation begins or shortly after, so they are
 * set while our own run, and other WebAssembly of the process is compiled as ever.
 */
const thoroughly = ['--no-liftoff', '--no-wasm-lazy-compilation']
const asEver = ['--liftoff', '--wasm-lazy-compilation']
let compilations = 0

function begin(): void {
  if (tried && compilations++ === 0) thoroughly.forEach((flag) => setFlagsFromString(flag))
}

function end(): void {
  if (tried && --compilations === 0) asEver.forEach((flag) => setFlagsFromString(flag))
}

function compile(wasm: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  begin()
  try {
    return new WebAssembly.Module(wasm)
  } finally {
    end()
  }
}

async function compileAsync(wasm: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  begin()
  try {
    return await WebAssembly.compile(wasm)
  } finally {
    end()
  }
}
