import type { Platform, WorkerEvents, WorkerHandle } from './platform.js'

export function openPlatform(): Platform {
  const isolated = typeof SharedArrayBuffer === 'function' && globalThis.crossOriginIsolated !== false
  return {
    cores: globalThis.navigator?.hardwareConcurrency ?? 1,
    unshared: isolated ? undefined : 'this page is not cross-origin isolated',
    startWorker,
    compile: (wasm) => new WebAssembly.Module(wasm),
    compileAsync: (wasm) => WebAssembly.compile(wasm),
  }
}

function startWorker(code: string, name: string, events: WorkerEvents): WorkerHandle {
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
  const worker = new Worker(url, { name })
  let over = false
  const release = () => URL.revokeObjectURL(url)
  worker.onmessage = (event) => events.message(event.data)
  worker.onerror = (event) => {
    event.preventDefault()
    release()
    if (!over) events.failed(event.message || 'the thread could not be started (does the content security policy allow blob: workers?)')
    over = true
  }
  return {
    post: (message) => worker.postMessage(message),
    keepAlive: () => {},
    terminate: () => {
      over = true
      release()
      worker.terminate()
    },
  }
}
