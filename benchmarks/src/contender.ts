/** Entry of a contender's process: `contender.js <runtime> <settings as JSON>`. Does what its parent asks, one thing at a time. */
import type { Case, Contender, Measurement, Settings } from './contenders/contender.js'
import type { Reply, Request } from './process.js'

const runtimes: Record<string, () => Promise<{ createContender(settings: Settings): Promise<Contender> }>> = {
  espalier: () => import('./contenders/espalier.js'),
  tfjs: () => import('./contenders/tfjs.js'),
  onnxruntime: () => import('./contenders/onnxruntime.js'),
  'gpu.js': () => import('./contenders/gpujs.js'),
  'jax-js': () => import('./contenders/jax-js.js'),
  'onnxruntime-web': () => import('./contenders/onnxruntime-web.js'),
  'tfjs-wasm': () => import('./contenders/tfjs-wasm.js'),
  pytorch: () => import('./contenders/pytorch.js'),
  ceiling: () => import('./contenders/ceiling.js'),
  start: () => import('./contenders/start.js'),
}

const [runtime, settings] = process.argv.slice(2)
const contender = runtimes[runtime]().then(({ createContender }) => createContender(JSON.parse(settings) as Settings))
const prepared = new Map<string, Case>()

async function answer({ action, name = '' }: Request): Promise<unknown> {
  const { cases, ...about } = await contender
  if (action === 'describe') return { ...about, cases: Object.keys(cases) }
  if (action === 'prepare') {
    if (!cases[name]) throw new Error(`${runtime} has no case '${name}', only ${Object.keys(cases).join(', ')}`)
    prepared.set(name, await cases[name]())
    return undefined
  }
  const each = prepared.get(name)
  if (!each) throw new Error(`case '${name}' of ${runtime} is not prepared`)
  if (action === 'once') return onceAnd(each)
  if (action === 'outputs') return each.outputs?.()
  prepared.delete(name)
  return each.dispose?.()
}

/** Also the processor's time, of all threads: what others take from the machine does not change it much. A runtime that computes elsewhere says it itself. */
async function onceAnd(each: Case): Promise<Measurement> {
  const before = process.cpuUsage()
  const measured = await each.once()
  const { user, system } = process.cpuUsage(before)
  return { processorMs: (user + system) / 1000, ...measured }
}

const send = (reply: Reply) => process.send!(reply)
process.on('message', (request: Request) => {
  answer(request).then(
    (value) => send({ value }),
    (error: unknown) => send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
// The parent is gone: nobody asks any more.
process.on('disconnect', () => process.exit())
