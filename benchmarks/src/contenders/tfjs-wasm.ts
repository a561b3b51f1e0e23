/**
 * tfjs-backend-wasm (XNNPACK). It has no gradient of a convolution's weights, so that it can not train.
 *
 * In Node it runs on one thread: it declares that there are none (tensorflow/tfjs#3830), since its threads are made of blobs, which worker_threads
 * do not take. Here it gets them, as in a browser:
 * - its flag says that there are threads;
 * - the program of a thread is a file instead of a blob, and so is the module that it loads: the one that comes in the package;
 * - it takes half of the cores at most, so that it is told of twice as many as are to be used.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Contender, forEachNetwork, type Settings } from './contender.js'
import { forward } from './tfjs.js'

const require = createRequire(import.meta.url)

/** It has no more. */
const most = 8

export async function createContender({ threads: wanted = 1 }: Settings): Promise<Contender> {
  const threads = Math.min(wanted, most)
  const core = await import('@tensorflow/tfjs-core')
  const wasm = await import('@tensorflow/tfjs-backend-wasm')
  const restore = threads > 1 ? giveThreads(threads) : () => {}
  core.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1)
  wasm.setThreadsCount(threads)
  if (!(await core.setBackend('wasm'))) throw new Error('tfjs: its WebAssembly backend did not start')
  await core.ready()
  restore()
  if (wasm.getThreadsCount() !== threads) throw new Error(`tfjs: ${wasm.getThreadsCount()} threads, expected ${threads}`)
  const { version } = require('@tensorflow/tfjs-backend-wasm/package.json') as { version: string }
  return {
    adapter: `WebAssembly, ${threads} threads`,
    versions: { 'tfjs-backend-wasm': `${version} (${threads} threads)` },
    cases: forEachNetwork('forward', (each) => forward(core, each)),
  }
}

/** Sets what the backend finds while it starts; the function that comes back undoes it. */
function giveThreads(threads: number): () => void {
  const script = require.resolve('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js')
  const os = require('node:os') as { cpus(): unknown[] }
  const { Blob } = globalThis
  const { cpus } = os
  const { createObjectURL } = URL
  // What a blob is made of stays with it, and survives the way to the thread.
  globalThis.Blob = class {
    readonly parts: readonly unknown[]
    constructor(parts: readonly unknown[] = []) {
      this.parts = parts
    }
  } as unknown as typeof Blob
  const path = join(tmpdir(), `tfjs-wasm-thread-${process.pid}.cjs`)
  URL.createObjectURL = (blob) => {
    const found = `URL.createObjectURL = () => ${JSON.stringify(script)}; URL.revokeObjectURL = () => {}\n`
    writeFileSync(path, found + (blob as unknown as { parts: string[] }).parts.join(''))
    return path
  }
  os.cpus = () => Array.from({ length: 2 * threads }, () => ({}))
  return () => {
    rmSync(path, { force: true })
    globalThis.Blob = Blob
    URL.createObjectURL = createObjectURL
    os.cpus = cpus
  }
}
