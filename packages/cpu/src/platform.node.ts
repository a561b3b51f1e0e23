import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { Platform, WorkerEvents, WorkerHandle } from './platform.js'

export function openPlatform(): Platform {
  return { cores: availableParallelism(), unshared: undefined, startWorker, optimised: (compile) => compile() }
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

// Relaxed SIMD is behind a flag in Node 20; later ones have it, and ignore what they do not know.
setFlagsFromString('--experimental-wasm-relaxed-simd')
