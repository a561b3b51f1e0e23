import { afterAll, beforeAll, expect, test } from 'vitest'
import { conv } from './conv2d/conv2d.js'
import { convWeightGradient } from './conv2d/weight-gradient.js'
import { acquireGpu, type Gpu } from './gpu.js'
import type { Dispatch, Shape } from './operation.js'
import { validate } from './validate.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

const tensor = (shape: Shape) => ({ name: 'tensor', shape })
const [x, w] = [
  [64, 32, 32, 32],
  [64, 32, 3, 3],
]
const attributes = { pads: [1, 1, 1, 1], weightShape: w }
/** Bare, with bias and activation, and with all there is: a pipeline each. */
const everyEpilogue = (name: string) =>
  [
    [0, 0, 0],
    [1, 0, 0],
    [1, 1, 1],
  ].map(([fused, adds, masks]) => ({ shader: { name }, constants: { fused, adds, masks } }))
const names = (dispatches: Dispatch[]) => dispatches.map(({ shader }) => shader.name)

test('every fast kernel is right on this adapter, and tried once', async () => {
  const target = { ...gpu.target, kind: 'hardware' as const }
  const shaders = ['conv2d-tiled', 'conv2d-narrow', 'conv2d-depthwise-3x3', 'conv2d-weight-gradient-tiled', 'conv2d-weight-gradient-narrow']
  expect(await validate(gpu, [...shaders, 'conv2d', 'no such shader'].flatMap(everyEpilogue))).toEqual([])
  expect(names(conv.dispatches(attributes, [tensor(x), tensor(w)], [tensor([64, 64, 32, 32])], target))).toEqual(['conv2d-workgroup'])
})

test('what is wrong is never chosen again', async () => {
  // A device that answers, but wrongly: every buffer it is given to read holds zeros.
  const broken = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  broken.device.queue.writeBuffer = () => undefined
  const [forward, gradient] = ['conv2d-tiled-3x3', 'conv2d-weight-gradient-tiled']
  expect(await validate(broken, [forward, gradient].flatMap(everyEpilogue))).toEqual([forward, gradient])
  const [y, dy] = [tensor([64, 64, 32, 32]), tensor([64, 64, 32, 32])]
  // What the CPU device takes is not among them.
  const target = { ...broken.target, kind: 'software' as const }
  expect(names(conv.dispatches(attributes, [tensor(x), tensor(w)], [y], target))).toEqual(['conv2d-tiled'])
  expect(names(convWeightGradient.dispatches(attributes, [tensor(x), dy], [tensor(w)], target))).toEqual(['conv2d-weight-gradient'])
  await validate(broken, ['conv2d-tiled', 'conv2d-narrow'].flatMap(everyEpilogue))
  expect(names(conv.dispatches(attributes, [tensor(x), tensor(w)], [y], target))).toEqual(['conv2d'])
  broken.close()
})
