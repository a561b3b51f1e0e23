/** Entry of a contender's process: `contender.js <runtime> [adapter]`. Does what its parent asks, one thing at a time. */
import type { Case, Contender } from './contenders/contender.js'
import type { Reply, Request } from './process.js'

const runtimes: Record<string, () => Promise<{ createContender(prefer: string | undefined): Promise<Contender> }>> = {
  espalier: () => import('./contenders/espalier.js'),
  tfjs: () => import('./contenders/tfjs.js'),
  onnxruntime: () => import('./contenders/onnxruntime.js'),
  'gpu.js': () => import('./contenders/gpujs.js'),
  'jax-js': () => import('./contenders/jax-js.js'),
}

const [runtime, adapter] = process.argv.slice(2)
const contender = runtimes[runtime]().then(({ createContender }) => createContender(adapter || undefined))
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
  if (action === 'once') return each.once()
  if (action === 'outputs') return each.outputs?.()
  prepared.delete(name)
  return each.dispose?.()
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
