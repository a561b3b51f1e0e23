import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, type Case, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'

const all: Record<string, Case[]> = {
  Identity: [{ name: 'odd', attributes: {}, inputs: [[1, 3, 5, 7]] }],
  Copy: [{ name: 'vectors', attributes: {}, inputs: [[3, 100]] }],
  Flatten: [
    { name: 'axis 1', attributes: {}, inputs: [[2, 3, 2, 2]] },
    { name: 'axis 0', attributes: { axis: 0 }, inputs: [[5]] },
    { name: 'axis -1', attributes: { axis: -1 }, inputs: [[2, 3, 7]] },
  ],
  Reshape: [
    { name: '0 and -1', attributes: { shape: [0, -1] }, inputs: [[3, 5, 7]] },
    { name: 'more dimensions', attributes: { shape: [1, 4, 5, 3] }, inputs: [[60]] },
  ],
  Squeeze: [
    { name: 'one of two', attributes: { axes: [-2] }, inputs: [[1, 3, 1, 5]] },
    { name: 'all there are', attributes: {}, inputs: [[1, 3, 1, 5]] },
    { name: 'a single number', attributes: { axes: [0] }, inputs: [[1]] },
  ],
  Unsqueeze: [{ name: 'in front, between, behind', attributes: { axes: [0, -1, 2] }, inputs: [[3, 5]] }],
  Slice: [
    {
      name: 'every second pixel',
      attributes: { starts: [0, 0], ends: [2147483647, 2147483647], axes: [2, 3], steps: [2, 2] },
      inputs: [[2, 3, 5, 7]],
    },
    { name: 'channels, whole planes', attributes: { starts: [1], ends: [-1], axes: [1] }, inputs: [[3, 5, 2, 6]] },
    { name: 'backwards', attributes: { starts: [-1, 5], ends: [-100, 0], axes: [0, 2], steps: [-1, -2] }, inputs: [[3, 2, 7]] },
    { name: 'one dimension, no axes', attributes: { starts: [3], ends: [100] }, inputs: [[9]] },
  ],
  Pad: [
    { name: 'channels on both sides', attributes: { pads: [0, 4, 0, 0, 0, 4, 0, 0], mode: 'constant', value: 0 }, inputs: [[2, 8, 2, 2]] },
    { name: 'space, a value', attributes: { pads: [0, 0, 1, 2, 0, 0, 3, 0], mode: 'constant', value: 1.5 }, inputs: [[1, 3, 4, 5]] },
    { name: 'cropping', attributes: { pads: [-1, 2, 0, -2], mode: 'constant' }, inputs: [[4, 5]] },
    { name: 'reflect', attributes: { pads: [0, 2, 1, 3], mode: 'reflect' }, inputs: [[3, 5]] },
    { name: 'edge', attributes: { pads: [2, 0, 0, 4, 5, 1], mode: 'edge' }, inputs: [[2, 3, 4]] },
    { name: 'wrap', attributes: { pads: [0, 2, 1, 5], mode: 'wrap' }, inputs: [[3, 5]] },
    { name: 'axes', attributes: { pads: [1, 1], axes: [-1], mode: 'constant', value: 2 }, inputs: [[3, 7]] },
  ],
  PadGradient: [
    { name: 'reflect', attributes: { pads: [0, 2, 1, 3], mode: 'reflect', inputShape: [3, 5] }, inputs: [[4, 10]] },
    { name: 'reflect, cropped', attributes: { pads: [-1, 4, 2, -2], mode: 'reflect', inputShape: [3, 5] }, inputs: [[4, 7]] },
    { name: 'edge, cropped', attributes: { pads: [2, -4, 0, 3], mode: 'edge', inputShape: [3, 5] }, inputs: [[5, 4]] },
    { name: 'edge of one', attributes: { pads: [2, 0, 1, 0], mode: 'edge', inputShape: [1, 5] }, inputs: [[4, 5]] },
    {
      name: 'wrap, more than once',
      attributes: { pads: [3, 7, 0, 10, 0, -1], mode: 'wrap', inputShape: [2, 5, 3] },
      inputs: [[15, 12, 2]],
    },
    { name: 'nothing', attributes: { pads: [0, 0], mode: 'wrap', inputShape: [7] }, inputs: [[7]] },
  ],
  DepthToSpace: [
    { name: 'by depth', attributes: { blocksize: 2, mode: 'DCR' }, inputs: [[2, 12, 3, 5]] },
    { name: 'by columns', attributes: { blocksize: 3, mode: 'CRD' }, inputs: [[1, 18, 2, 3]] },
  ],
  SpaceToDepth: [
    { name: 'by depth', attributes: { blocksize: 2 }, inputs: [[2, 3, 6, 10]] },
    { name: 'by columns', attributes: { blocksize: 3, mode: 'CRD' }, inputs: [[1, 2, 6, 9]] },
  ],
  Tile: [
    { name: 'every axis', attributes: { repeats: [2, 1, 3, 2] }, inputs: [[1, 3, 2, 5]] },
    { name: 'rows of vectors', attributes: { repeats: [3, 2] }, inputs: [[3, 8]] },
  ],
  Gather: [
    { name: 'channels', attributes: { axis: 1 }, inputs: [[2, 5, 3, 7], arrayOf([4], [3, 0, -1, 3])], integerInputs: [1] },
    {
      name: 'vectors, two dimensions of indices',
      attributes: { axis: 0 },
      inputs: [[5, 3, 4], arrayOf([2, 3], [4, 0, 2, 2, 1, -5])],
      integerInputs: [1],
    },
    { name: 'last axis', attributes: { axis: -1 }, inputs: [[3, 7], arrayOf([3], [6, 0, 6])], integerInputs: [1] },
  ],
  GatherGradient: [
    {
      name: 'channels',
      attributes: { axis: 1, inputShape: [2, 5, 3, 4] },
      inputs: [[2, 4, 3, 4], arrayOf([4], [3, 0, -1, 3])],
      integerInputs: [1],
    },
    { name: 'last axis', attributes: { axis: 1, inputShape: [3, 7] }, inputs: [[3, 3], arrayOf([3], [6, 0, 6])], integerInputs: [1] },
  ],
  Transpose: [
    { name: 'NCHW to NHWC', attributes: { perm: [0, 2, 3, 1] }, inputs: [[2, 5, 3, 4]] },
    { name: 'reversed', attributes: {}, inputs: [[3, 1, 4, 2]] },
    { name: 'rows of vectors', attributes: { perm: [1, 0, 2] }, inputs: [[3, 5, 8]] },
    { name: 'six dimensions', attributes: { perm: [5, 3, 1, 4, 2, 0] }, inputs: [[2, 3, 2, 2, 3, 2]] },
  ],
  Expand: [
    { name: 'channel to planes', attributes: { shape: [2, 3, 5, 7] }, inputs: [[3, 1, 1]] },
    { name: 'rows of vectors', attributes: { shape: [3, 1] }, inputs: [[1, 8]] },
    { name: 'channel to planes of vectors', attributes: { shape: [2, 3, 4, 5] }, inputs: [[2, 3, 1, 1]] },
    { name: 'a scalar', attributes: { shape: [2, 3] }, inputs: [[1]] },
  ],
  RepeatBatch: [
    { name: 'vectors', attributes: { repeats: 3 }, inputs: [[2, 3, 2, 2]] },
    { name: 'odd', attributes: { repeats: 4 }, inputs: [[3, 5]] },
  ],
}
for (const [op, cases] of Object.entries(all)) testOperation(operations[op], cases, operations)

const stepped = { starts: [4, 1], ends: [0, 100], axes: [2, 3], steps: [-2, 3], inputShape: [2, 3, 5, 8] }
testOperation(operations.SliceGradient, [{ name: 'steps both ways', attributes: stepped, inputs: [[2, 3, 2, 3]] }], operations)

test('integers, NaN and infinities are copied bit for bit', async () => {
  const labels = arrayOf([3], [0, 7, 4294967295])
  const options = { integerInputs: [0], integerOutputs: [0] }
  const [repeated] = await runOperation(await testGpu(), operations.RepeatBatch, { repeats: 2 }, [labels], options)
  expect([...repeated.data]).toEqual([0, 7, 4294967295, 0, 7, 4294967295])
  const [copied] = await runOperation(await testGpu(), operations.Identity, {}, [arrayOf([4], [NaN, Infinity, -Infinity, -0])])
  expect([...copied.data]).toEqual([NaN, Infinity, -Infinity, -0])
})

test('what cannot be done is refused with the shapes', () => {
  expect(() => operations.Reshape.infer({ shape: [4, -1] }, [[3, 5]])).toThrow('Reshape: [3, 5] (15 elements) cannot become [4, -1]')
  expect(() => operations.Squeeze.infer({ axes: [1] }, [[1, 3]])).toThrow('Squeeze: dimension 1 of [1, 3] is not 1')
  expect(() => operations.Unsqueeze.infer({ axes: [1, -2] }, [[3]])).toThrow('Unsqueeze: axes [1, -2] repeat an axis')
  expect(() => operations.Slice.infer({ starts: [3], ends: [3] }, [[5]])).toThrow(
    'Slice: 3..3 in steps of 1 takes nothing from axis 0 of [5]',
  )
  expect(() => operations.Pad.infer({ pads: [0, 5, 0, 0], mode: 'reflect' }, [[3, 5]])).toThrow('Pad: reflecting 5 elements')
  expect(() => operations.Transpose.infer({ perm: [0, 0] }, [[3, 5]])).toThrow('repeats an axis')
  expect(() => operations.Expand.infer({ shape: [4] }, [[3]])).toThrow('Expand: [3] and [4] do not broadcast: dimension 0 is 3 and 4')
})
