/** On the models and cases of others, where `ESPALIER_SHARED` (default: `../shared` beside the repository) has them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { costOf } from '../cost.js'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { ModelProtoSchema, TensorProtoSchema } from './proto/onnx_pb.js'
import { readTensor } from './tensors.js'
import { comparable, difference, runFile } from './testing/models.js'

const shared = process.env.ESPALIER_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url))

const files = (folder: string): string[] =>
  (readdirSync(join(shared, folder), { recursive: true }) as string[])
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => join(folder, file))
    .sort((a, b) => (a < b ? -1 : 1))

if (!existsSync(shared)) test.skip(`no models of others: ${shared} does not exist`, () => {})
else {
  const paths = [...files('cases/graphs'), ...files('data/models')]
  test('they are all there', () => expect(paths.length).toBeGreaterThanOrEqual(20 + 17))

  describe('every model and graph: our file does what theirs does, and comes back as it is', () => {
    test.each(paths)('%s', async (path) => {
      const bytes = readFileSync(join(shared, path))
      const graph = await importOnnx(bytes, { file: path })
      const exported = exportOnnx(graph)
      expect(comparable(await importOnnx(exported))).toEqual(comparable(graph))
      expect(difference(await runFile(exported), await runFile(bytes))).toBeLessThan(1e-5)
      // Free in ours even where theirs is fixed: none of them mixes images.
      expect(graph.inputs.map(({ shape }) => shape[0])).toEqual(['N'])
      const cost = costOf(graph)
      expect(cost.params).toBeGreaterThan(0)
      expect(cost.layers.every(({ outputShape }) => outputShape !== null)).toBe(true)
    })
  })

  test('parameters and MACs of known models', async () => {
    const cost = async (path: string) => {
      const { params, macs } = costOf(await importOnnx(readFileSync(join(shared, 'data/models', path))))
      return [params, macs]
    }
    // ResNet-20 with zero-padded shortcuts (He et al. 2016, table 6: 0.27 M) and ResNet-50 (torchvision).
    expect(await cost('cifar10-resnet-akamaster/resnet20.onnx')).toEqual([269_722, 40_551_040])
    expect((await cost('onnx-light/light_resnet50.onnx'))[0]).toBe(25_557_032)
  })

  describe('cases of the ONNX project, one operator each', () => {
    const folder = 'cases/onnx-node'
    const names = readdirSync(join(shared, folder)).filter((name) => name.startsWith('test_'))

    test('each is refused with a reason, or gives the known outputs', async () => {
      const counts = { agreed: 0, refused: 0 }
      for (const name of names) {
        const graph = await importCase(join(shared, folder, name)).catch((error) => error)
        if (graph instanceof Error) {
          expect(graph, name).toBeInstanceOf(InputError)
          expect(graph.message, name).toMatch(/(expected|found)/)
          counts.refused++
          continue
        }
        await expectKnownOutputs(graph, join(shared, folder, name))
        counts.agreed++
      }
      // The others are of opset 6, give shapes or masks as outputs, are of integers, or resize with antialiasing or to an aspect ratio.
      expect(counts.agreed).toBeGreaterThanOrEqual(179)
    })
  })
}

const tensorAt = (path: string) => fromBinary(TensorProtoSchema, readFileSync(path))

/** Their files hand in as inputs what networks have as constants (axes, sizes, bounds): a case that is refused for that is tried with constants. */
async function importCase(folder: string): Promise<Graph> {
  const bytes = readFileSync(join(folder, 'model.onnx'))
  try {
    return await importOnnx(bytes, { file: folder })
  } catch (error) {
    if (!(error instanceof InputError) || !/run time|no shape/.test(error.message)) throw error
    const model = fromBinary(ModelProtoSchema, bytes)
    for (const [i, { name }] of model.graph!.input.entries())
      if (i > 0) model.graph!.initializer.push({ ...tensorAt(join(folder, `test_data_set_0/input_${i}.pb`)), name })
    return importOnnx(toBinary(ModelProtoSchema, model), { file: folder })
  }
}

/** As ONNX's own runner compares: relative 1e-3, absolute 1e-5. */
async function expectKnownOutputs(graph: Graph, folder: string): Promise<void> {
  const session = await ort.InferenceSession.create(exportOnnx(graph), { intraOpNumThreads: 1, logSeverityLevel: 3 })
  const feeds: Record<string, ort.Tensor> = {}
  for (const [i, { name, type }] of graph.inputs.entries()) {
    const { dims, data } = await readTensor(tensorAt(join(folder, `test_data_set_0/input_${i}.pb`)), name, folder, undefined)
    feeds[name] = new ort.Tensor(type as 'float32', data as Float32Array, dims)
  }
  const results = await session.run(feeds)
  for (const [i, { name }] of graph.outputs.entries()) {
    const expected = await readTensor(tensorAt(join(folder, `test_data_set_0/output_${i}.pb`)), name, folder, undefined)
    const found = Array.from(results[name].data as ArrayLike<number>, Number)
    const far = Array.from(expected.data as ArrayLike<number>, Number).filter(
      (value, k) => !(Math.abs(found[k] - value) <= 1e-5 + 1e-3 * Math.abs(value)),
    )
    expect([folder, results[name].dims.join(), far.length]).toEqual([folder, expected.dims.join(), 0])
  }
  await session.release()
}
