/** What differs between Node and the browser: how threads are started, and what the engine must be told. */

/** A thread that runs the worker's program (`threads/worker.ts`). */
export interface WorkerHandle {
  post(message: unknown): void
  /** Whether this thread keeps the process alive (Node). Threads begin with not doing so. */
  keepAlive(on: boolean): void
  terminate(): void
}

export interface WorkerEvents {
  message(data: unknown): void
  /** The thread failed, or ended without being asked to; at most once. */
  failed(reason: string): void
}

export interface Platform {
  /** Threads worth having here: the number of cores. */
  readonly cores: number
  /** Why memory can not be shared with threads here; undefined where it can. */
  readonly unshared: string | undefined
  startWorker(code: string, name: string, events: WorkerEvents): WorkerHandle
  /** Compiles to what the engine's best compiler makes of it, where it can be told; else that comes while it runs. */
  compile(wasm: Uint8Array<ArrayBuffer>): WebAssembly.Module
  /** The same on the engine's own threads. */
  compileAsync(wasm: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module>
}
