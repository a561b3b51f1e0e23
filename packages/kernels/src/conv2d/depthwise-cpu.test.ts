import { expect, test } from 'vitest'
import type { Operation, Shape } from '../operation.js'
import { operations } from '../operations.js'
import { asOn, type Case, testOperation } from '../testing/cases.js'
import { conv, fusedConv } from './conv2d.js'
import { depthwiseCpu, depthwiseCpuWeightGradient } from './depthwise-cpu.js'
import { convGeometry } from './geometry.js'
import { convInputGradient } from './input-gradient.js'
import { convWeightGradient } from './weight-gradient.js'

const all: readonly { x: Shape; strides: readonly [number, number]; pads: readonly [number, number, number, number] }[] = [
  { x: [2, 3, 8, 8], strides: [1, 1], pads: [1, 1, 1, 1] },
  { x: [1, 1, 4, 4], strides: [1, 1], pads: [1, 1, 1, 1] },
  { x: [3, 33, 1, 5], strides: [1, 1], pads: [1, 1, 1, 1] },
  { x: [2, 5, 9, 7], strides: [1, 1], pads: [0, 2, 1, 1] },
  { x: [1, 2, 6, 13], strides: [1, 1], pads: [0, 0, 0, 0] },
  { x: [2, 3, 8, 8], strides: [2, 2], pads: [1, 1, 1, 1] },
  { x: [1, 5, 9, 11], strides: [2, 2], pads: [1, 1, 1, 1] },
  { x: [2, 2, 7, 14], strides: [2, 2], pads: [0, 0, 1, 1] },
  { x: [1, 3, 6, 9], strides: [2, 2], pads: [1, 2, 2, 1] },
  { x: [1, 2, 9, 8], strides: [2, 1], pads: [1, 1, 1, 1] },
  { x: [1, 2, 5, 12], strides: [1, 2], pads: [1, 1, 1, 1] },
  // several workgroups along each axis
  { x: [65, 40, 16, 16], strides: [1, 1], pads: [1, 1, 1, 1] },
  // too narrow for it
  { x: [2, 3, 5, 3], strides: [1, 1], pads: [1, 1, 1, 1] },
]

const cases = all.map(({ x, ...attributes }) => {
  const [n, channels] = x
  const w = [channels, 1, 3, 3]
  const { oh, ow } = convGeometry('Conv', { ...attributes, group: channels }, x, w)
  return {
    name: `${x.join(' x ')} by ${attributes.strides}, pads ${attributes.pads}`,
    attributes: { ...attributes, group: channels },
    x,
    w,
    y: [n, channels, oh, ow],
  }
})

testOperation(
  asOn('cpu', conv),
  cases.map(({ name, attributes, x, w }): Case => ({ name, attributes, inputs: [x, w, [w[0]]], gradient: false })),
  operations,
) // prettier-ignore
testOperation(
  asOn('cpu', convInputGradient),
  cases.map(
    ({ name, attributes, x, w, y }): Case => ({ name, attributes: { ...attributes, inputShape: x }, inputs: [y, w], gradient: false }),
  ),
  operations,
)
testOperation(
  asOn('cpu', convWeightGradient),
  cases.map(
    ({ name, attributes, x, w, y }): Case => ({ name, attributes: { ...attributes, weightShape: w }, inputs: [x, y], gradient: false }),
  ),
  operations,
)
testOperation(
  asOn('cpu', fusedConv),
  cases.slice(0, 8).map(({ name, attributes, x, w, y }, i): Case => {
    const [n, channels] = x
    return { name, attributes: { ...attributes, activation: i % 2 ? 'relu6' : 'relu' }, inputs: [x, w, [channels], y, [n, channels]] }
  }),
  operations,
)

/** More than the copy holds: in strips, the last of which is shorter. */
for (const { name, attributes, x, w, y } of cases.filter(({ x, attributes: { strides } }) => x[2] > 5 && strides[0] === strides[1])) {
  const g = convGeometry('Conv', attributes, x, w)
  const most = (2 * g.strideH + 3) * (g.w + 6)
  const kernels: [Operation, Case['inputs'], Case['attributes']][] = [
    [{ ...conv, dispatches: (_, [a, b], [c]) => depthwiseCpu(g, a!, b!, c, { activation: 'none' }, most) }, [x, w], {}],
    [
      { ...convWeightGradient, dispatches: (_, [a, b], [c], target) => depthwiseCpuWeightGradient(g, a!, b!, c, target, most) },
      [x, y],
      { weightShape: w },
    ], // prettier-ignore
  ]
  for (const [operation, inputs, more] of kernels)
    testOperation(operation, [{ name: `${name}, strips`, attributes: { ...attributes, ...more }, inputs, gradient: false }], operations)
}

test('what these kernels take', () => {
  const shader = (x: Shape, attributes: Record<string, unknown>) => {
    const [tensors, target] = [
      [
        { name: 'x', shape: x },
        { name: 'w', shape: [x[1], 1, 3, 3] },
      ],
      { maxWorkgroupsPerDimension: 65535, maxBindingBytes: 2 ** 31 },
    ] // prettier-ignore
    const all = { ...attributes, group: x[1] } as Record<string, number>
    const y = {
      name: 'y',
      shape: conv.infer(
        all,
        tensors.map(({ shape }) => shape),
      )[0],
    } // prettier-ignore
    return conv.dispatches(all, tensors, [y], { ...target, kind: 'cpu' }).map((dispatch) => dispatch.shader.name)
  }
  expect(shader([1, 3, 8, 8], { pads: [1, 1, 1, 1] })).toEqual(['conv2d-depthwise-cpu'])
  expect(shader([1, 3, 8, 8], { pads: [1, 1, 1, 1], strides: [2, 2] })).toEqual(['conv2d-depthwise-cpu'])
  expect(shader([1, 3, 8, 8], { pads: [2, 2, 2, 2], dilations: [2, 2] })).not.toEqual(['conv2d-depthwise-cpu'])
})
