/** A small trained network in a folder of its own, for the tests of one file. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { type PruneOptions, train } from '@espalier/prune'
import { afterAll, beforeAll } from 'vitest'

export interface Trained {
  readonly gpu: Gpu
  /** Path of the network, `tiny`. */
  readonly model: string
  /** What it was trained on, and is pruned on. */
  readonly data: string
  at(name: string): string
  read(name: string): Promise<string>
  /** A quick job that writes `name.onnx` and `name.run`. */
  job(name: string, more?: Partial<PruneOptions>): PruneOptions
}

/** To be called outside of any test; what it gives can be looked at within tests only. */
export function trainedTiny(epochs: number): Trained {
  const data = 'shapes,limit=200'
  let gpu: Gpu
  let folder: string
  const at = (name: string) => join(folder, name)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'espalier-trained-'))
    gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
    await train({ architecture: 'tiny', data, epochs, training: { batch: 20 }, gpu, out: at('tiny.onnx') })
  })
  afterAll(async () => {
    gpu.close()
    await rm(folder, { recursive: true })
  })
  return {
    get gpu() {
      return gpu
    },
    get model() {
      return at('tiny.onnx')
    },
    data,
    at,
    read: (name) => readFile(at(name), 'utf8'),
    job: (name, more) => ({
      model: at('tiny.onnx'),
      data,
      budgets: [],
      episodes: 16,
      candidates: 4,
      validation: 40,
      training: { batch: 20 },
      gpu,
      out: at(`${name}.onnx`),
      run: at(`${name}.run`),
      ...more,
    }),
  }
}
