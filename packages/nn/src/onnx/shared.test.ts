/** On the models and cases of others, where `ESPALIER_SHARED` (default: `../shared` beside the repository) has them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { costOf } from '../cost.js'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { caseInputs, caseNames, caseOutputs, disagreement, importCase, shared, sharedFiles } from './testing/cases.js'
import { comparable, difference, runFile } from './testing/models.js'

if (!existsSync(shared)) test.skip(`no models of others: ${shared} does not exist`, () => {})
else {
  const paths = [...sharedFiles('cases/graphs'), ...sharedFiles('data/models')]
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
    test('each is refused with a reason, or gives the known outputs', async () => {
      const counts = { agreed: 0, refused: 0 }
      for (const name of caseNames()) {
        const graph = await importCase(name).catch((error) => error)
        if (graph instanceof Error) {
          expect(graph, name).toBeInstanceOf(InputError)
          expect(graph.message, name).toMatch(/(expected|found)/)
          counts.refused++
          continue
        }
        await expectKnownOutputs(graph, name)
        counts.agreed++
      }
      // The others are of opset 6, give shapes or masks as outputs, are of integers, or resize with antialiasing or to an aspect ratio.
      expect(counts.agreed).toBeGreaterThanOrEqual(179)
    })
  })
}

async function expectKnownOutputs(graph: Graph, name: string): Promise<void> {
  const session = await ort.InferenceSession.create(exportOnnx(graph), { intraOpNumThreads: 1, logSeverityLevel: 3 })
  const inputs = await caseInputs(name, graph)
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, type }, i) => [name, new ort.Tensor(type as 'float32', inputs[i].data as Float32Array, inputs[i].dims)]),
  )
  const results = await session.run(feeds)
  for (const [i, expected] of (await caseOutputs(name, graph)).entries()) {
    const { dims, data } = results[graph.outputs[i].name]
    expect(disagreement({ dims, data: data as Float32Array }, expected), name).toBeUndefined()
  }
  await session.release()
}
