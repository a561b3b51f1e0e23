/** A compiled shader on a memory of its own, in which whatever lies around what it may touch is watched. */
import { checkModule } from '../check/index.js'
import { compilePipeline } from '../compile.js'
import type { CompiledPipeline } from '../emit/pipeline.js'

/** What is filled in around the bindings: no data of a test reaches so high. */
export const poison = 0x80000000

const page = 65536
const pages = 2
const [recordAt, scratchAt] = [256, 1024]
/** Words around bindings that nobody may touch, at least. */
const gap = 16

const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
const words = new Uint32Array(memory.buffer)
const around = Uint32Array.from(words, (_, i) => poison + ((i * 2654435761) >>> 1))

export interface Sandbox {
  readonly pipeline: CompiledPipeline
  /**
   * Runs all workgroups on the bindings, in the order of `pipeline.bindings`, which change; the last of them ends where the memory does.
   * @throws Error where the shader traps, or writes what it may not
   */
  run(groups: readonly [number, number, number], bindings: readonly Uint32Array[]): void
}

export function createSandbox(code: string, constants: Readonly<Record<string, number>> = {}): Sandbox {
  const pipeline = compilePipeline(checkModule(code), 'main', constants, { shared: false, fused: false })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(pipeline.wasm), { env: { memory } })
  const run = instance.exports.run as (record: number, first: number, end: number, scratch: number) => void
  return {
    pipeline,
    run(groups, bindings) {
      let end = pages * page
      const places = bindings.map(() => 0)
      for (let i = bindings.length - 1; i >= 0; i--) {
        places[i] = end - 4 * bindings[i].length
        end = places[i] - 4 * gap
      }
      const scratchEnd = scratchAt + pipeline.scratchBytes
      if (end < scratchEnd) throw new Error('the memory of the test is too small')
      words.set(around)
      words.set([...groups, 0, ...bindings.flatMap((data, i) => [places[i], 4 * data.length])], recordAt / 4)
      bindings.forEach((data, i) => words.set(data, places[i] / 4))
      const record = words.slice(recordAt / 4, recordAt / 4 + 4 + 2 * bindings.length)
      run(recordAt, 0, groups[0] * groups[1] * groups[2], scratchAt)
      const touched = (what: string, at: number) => {
        throw new Error(`the shader wrote ${what}, at ${4 * at}; bindings lie at ${places}`)
      }
      record.forEach((word, i) => {
        if (words[recordAt / 4 + i] !== word) touched('the record', recordAt / 4 + i)
      })
      bindings.forEach((data, i) => {
        const own = words.subarray(places[i] / 4, places[i] / 4 + data.length)
        const wrong = pipeline.bindings[i].type === 'storage' ? -1 : own.findIndex((word, at) => word !== data[at])
        if (wrong >= 0) touched('a binding that it may only read', places[i] / 4 + wrong)
        data.set(own)
        own.set(around.subarray(places[i] / 4, places[i] / 4 + data.length))
      })
      words.set(around.subarray(scratchAt / 4, Math.ceil(scratchEnd / 4)), scratchAt / 4)
      words.set(around.subarray(recordAt / 4, recordAt / 4 + record.length), recordAt / 4)
      for (let i = 0; i < words.length; i++) if (words[i] !== around[i]) touched('around the bindings', i)
    },
  }
}
