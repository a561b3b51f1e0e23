/** On the models and cases of others: the whole way through a network. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { acquireGpu } from '@espalier/kernels'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { exportOnnx, importOnnx } from '../onnx/index.js'
import { shared, sharedFiles } from '../onnx/testing/cases.js'
import { expectWhole, withRandomWeights } from '../testing/networks/checks.js'
import { hasShared } from './testing/shared.js'

describe.runIf(hasShared)('shared models and graphs: read, run, masked, cut and written as onnxruntime has it', () => {
  let gpu: Awaited<ReturnType<typeof acquireGpu>>
  beforeAll(async () => void (gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })))
  afterAll(() => gpu.close())

  test.each(hasShared ? [...sharedFiles('cases/graphs'), ...sharedFiles('data/models')] : [])('%s', async (path) => {
    const bytes = readFileSync(join(shared, path))
    // The light models have one number for all weights; those of the two large ones are not drawn, to save time.
    const alike = /light_(resnet50|densenet121)/.test(path)
    const drawn = path.includes('light') && !alike
    await expectWhole(drawn ? exportOnnx(withRandomWeights(await importOnnx(bytes))) : bytes, gpu, { alike })
  })
})
