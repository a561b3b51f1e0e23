import { describe, expect, test } from 'vitest'
import { type Attributes, baselineTarget, type Dispatch, type Operation, type Shape, type Target, type Tensor } from '../operation.js'
import { operations } from '../operations.js'
import { arrayOf, type Case, expectClose, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
import { channelSum } from './channel-sum.js'
import { conv, directConv, fusedConv } from './conv2d.js'
import { convGeometry } from './geometry.js'
import { convInputGradient, gatherInputGradient } from './input-gradient.js'
import { rowsConv } from './rows.js'
import { chooseTileVariant, tiledConv, tileVariants } from './tile.js'
import { forwardProblem, inputGradientProblems } from './tile-problem.js'
import {
  convWeightGradient,
  isNarrow,
  narrowWeightGradient,
  plainWeightGradient,
  tiledWeightGradient,
  workgroupWeightGradient,
} from './weight-gradient.js'
import { quadsWeightGradient } from './weight-gradient-quads.js'
import { isForWinogradGradient, winogradWeightGradient } from './weight-gradient-winograd.js'
import { isForWinograd, winogradConv, winogradSize } from './winograd.js'

/** Convolutions that between them turn every attribute and every odd size. */
const shapes: { name: string; x: Shape; w: Shape; attributes: Attributes }[] = [
  { name: '3x3', x: [2, 5, 7, 9], w: [7, 5, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  { name: '1x1, one image', x: [1, 3, 5, 4], w: [5, 3, 1, 1], attributes: {} },
  { name: '3x3 stride 2, one channel', x: [3, 1, 9, 6], w: [4, 1, 3, 3], attributes: { pads: [1, 1, 1, 1], strides: [2, 2] } },
  {
    name: '5x2, uneven everything',
    x: [2, 2, 11, 8],
    w: [3, 2, 5, 2],
    attributes: { pads: [2, 0, 1, 3], strides: [1, 2], dilations: [2, 3] },
  },
  { name: 'two groups', x: [2, 6, 5, 6], w: [4, 3, 3, 3], attributes: { pads: [1, 1, 1, 1], group: 2 } },
  { name: 'depthwise', x: [2, 5, 8, 7], w: [5, 1, 3, 3], attributes: { pads: [1, 1, 1, 1], group: 5 } },
  {
    name: 'depthwise stride 2, two outputs a channel',
    x: [1, 3, 7, 8],
    w: [6, 1, 3, 3],
    attributes: { pads: [0, 1, 1, 0], strides: [2, 2], group: 3 },
  },
  {
    name: 'depthwise stride 2, more rows and columns than a tile',
    x: [2, 2, 21, 19],
    w: [2, 1, 3, 3],
    attributes: { pads: [1, 1, 1, 1], strides: [2, 2], group: 2 },
  },
  { name: '1x1 stride 2', x: [2, 4, 6, 7], w: [3, 4, 1, 1], attributes: { strides: [2, 2] } },
  { name: 'whole image as kernel', x: [2, 3, 4, 5], w: [6, 3, 4, 5], attributes: {} },
]

testOperation(
  conv,
  shapes.map(({ name, x, w, attributes }, i): Case => ({ name, attributes, inputs: [x, w, i % 2 ? undefined : [w[0]]] })),
  operations,
)

/** Of each candidate: channels that are read and made come first, in any order; the others follow. */
function listsOf(channels: number, outputs: number, candidates: { read: number[]; made: number[] }[]) {
  const whole = (count: number, first: number[]) => [
    ...first,
    ...Array.from({ length: count }, (_, i) => i).filter((i) => !first.includes(i)),
  ]
  const rows = candidates.map(({ read, made }) => [read.length, made.length, ...whole(channels, read), ...whole(outputs, made)])
  return arrayOf([candidates.length, 2 + channels + outputs], rows.flat())
}

testOperation(
  fusedConv,
  [
    {
      name: 'all operands',
      attributes: { pads: [1, 1, 1, 1], activation: 'relu6' },
      inputs: [[4, 5, 6, 7], [7, 5, 3, 3], [7], [4, 7, 6, 7], [2, 7]],
    },
    { name: 'mask only', attributes: { activation: 'none' }, inputs: [[3, 2, 4, 5], [5, 2, 1, 1], undefined, undefined, [3, 5]] },
    {
      name: 'some channels of either side',
      attributes: { pads: [1, 1, 1, 1], activation: 'relu' },
      inputs: [
        [4, 5, 6, 7],
        [19, 5, 3, 3],
        [19],
        [4, 19, 6, 7],
        [2, 19],
        listsOf(5, 19, [
          { read: [4, 0, 2], made: [1, 3, 17, 18, 8, 9, 10, 11, 12, 2] },
          { read: [1], made: [18, 0] },
        ]),
      ],
      integerInputs: [5],
    },
    {
      name: 'one channel of either side, 1 x 1, stride',
      attributes: { strides: [2, 2], activation: 'none' },
      inputs: [[2, 3, 7, 6], [4, 3, 1, 1], [4], undefined, undefined, listsOf(3, 4, [{ read: [2], made: [3] }])],
      integerInputs: [5],
    },
    {
      name: 'residual, relu, stride',
      attributes: { strides: [2, 2], activation: 'relu' },
      inputs: [[2, 3, 7, 6], [4, 3, 3, 3], undefined, [2, 4, 3, 2]],
    },
  ],
  operations,
)

const outputOf = (attributes: Attributes, x: Shape, w: Shape) => conv.infer(attributes, [x, w])[0]
const inputGradientCases = shapes.map(
  ({ name, x, w, attributes }): Case => ({ name, attributes: { ...attributes, inputShape: x }, inputs: [outputOf(attributes, x, w), w] }),
)
const weightGradientCases = shapes.map(
  ({ name, x, w, attributes }): Case => ({ name, attributes: { ...attributes, weightShape: w }, inputs: [x, outputOf(attributes, x, w)] }),
)
testOperation(convInputGradient, inputGradientCases, operations)
testOperation(convWeightGradient, weightGradientCases, operations)

testOperation(
  channelSum,
  [
    { name: 'images', attributes: {}, inputs: [[3, 5, 7, 9]] },
    { name: 'rows', attributes: { scale: -0.5 }, inputs: [[70, 3]] },
    { name: 'one channel', attributes: {}, inputs: [[1, 1, 333]] },
  ],
  operations,
)

/** Every kernel that can do a shape, whatever would be chosen, with and without quad broadcasts. */
describe('every kernel agrees with the reference', () => {
  const both = (attributes: Attributes, x: Shape, w: Shape) => convGeometry('Conv', attributes, x, w)
  type Make = (a: Tensor, b: Tensor, c: Tensor, target: Target) => Dispatch[]
  const run = async (operation: Operation, attributes: Attributes, shapes: Shape[], make: Make, what: string) => {
    const inputs = shapes.map(randomArray)
    const [expected] = operation.reference(attributes, inputs)
    const dispatches: Operation['dispatches'] = (_, [a, b], [c], target) => make(a!, b!, c, target)
    const [actual] = await runOperation(await testGpu(), { ...operation, dispatches }, attributes, inputs)
    expectClose(actual, expected, 1e-5, what)
  }
  const none = { activation: 'none' } as const

  const large = { name: 'more than one tile of everything', x: [2, 18, 9, 11], w: [70, 18, 3, 3], attributes: { pads: [1, 0, 1, 2] } }
  const tiles: typeof shapes = [
    { name: 'tiles in a row', x: [3, 33, 6, 16], w: [35, 33, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
    { name: 'tiles of several rows', x: [6, 9, 4, 4], w: [10, 9, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
    { name: 'tiles without borders, two groups', x: [2, 6, 8, 12], w: [6, 3, 3, 3], attributes: { group: 2 } },
    { name: 'lines of pixels, more than a tile', x: [1, 100, 64, 48], w: [6, 100, 1, 1], attributes: {} },
    { name: 'lines of pixels, many images', x: [18, 70, 3, 5], w: [9, 70, 1, 1], attributes: {} },
    { name: 'tiny images', x: [9, 5, 2, 2], w: [7, 5, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  ]
  /** On which the kernels for CPUs are tried on other adapters too: SwiftShader takes up to 20 s to compile one of them. */
  const few: readonly string[] = ['two groups']
  test.each([...shapes, large, ...tiles])('$name', async ({ name, x, w, attributes }) => {
    const { target } = await testGpu()
    const g = both(attributes, x, w)
    const y = outputOf(attributes, x, w)
    const forward = forwardProblem(g)
    for (const variant of tileVariants(forward, target)) {
      await run(conv, attributes, [x, w], (a, b, c) => [tiledConv(forward, a, b, c, none, target, variant)], variant)
    }
    await run(conv, attributes, [x, w], (a, b, c) => directConv(g, a, b, c, none, target), 'direct')
    if (g.group === 1) {
      const outputs = [...Array(g.m).keys()]
      const candidates = [
        { read: [g.c - 1, 0].slice(0, g.c), made: outputs.filter((i) => i % 3 !== 1).reverse() },
        { read: [0], made: [g.m - 1] },
        { read: [], made: outputs },
      ]
      const lists = listsOf(g.c, g.m, candidates.slice(0, g.n))
      const inputs = [randomArray(x, 1), randomArray(w, 2), randomArray([g.m], 3), undefined, undefined, lists]
      const [expected] = fusedConv.reference(attributes, inputs)
      for (const variant of [...tileVariants(forward, target, true), 'direct'] as const) {
        const dispatches: Operation['dispatches'] = (_, [a, b, bias, , , lists], [c], target) => {
          const epilogue = { ...none, bias, lists }
          return variant === 'direct'
            ? directConv(g, a!, b!, c, epilogue, target)
            : [tiledConv(forward, a!, b!, c, epilogue, target, variant)]
        }
        const operation = { ...fusedConv, dispatches }
        const [actual] = await runOperation(await testGpu(), operation, attributes, inputs, { integerInputs: [5] })
        expectClose(actual, expected, 1e-5, `${variant} with lists`)
      }
    }
    // The kernels for CPUs are WGSL as others are, and right on every adapter.
    const cpu: Target = { ...target, kind: 'cpu' }
    const isTried = target.kind === 'cpu' || few.includes(name)
    const sizes = ([2, 4] as const).filter(() => isTried)
    const forCpu: [string, typeof rowsConv][] = isTried ? [['rows', rowsConv]] : []
    for (const size of sizes.filter((each) => isForWinograd(forward, cpu, each))) {
      forCpu.push([`winograd ${size}`, (...operands) => winogradConv(...operands, size)])
    }
    for (const [kernel, make] of forCpu) {
      await run(conv, attributes, [x, w], (a, b, c) => make(forward, a, b, c, none, cpu)!, kernel)
      if (g.group > 1) continue
      const lists = listsOf(g.c, g.m, [
        { read: [g.c - 1, 0].slice(0, g.c), made: [...Array(g.m).keys()].filter((i) => i % 3 !== 1).reverse() },
      ])
      const residual = randomArray(y, 4)
      const inputs = [randomArray(x, 1), randomArray(w, 2), randomArray([g.m], 3), residual, randomArray([1, g.m], 5), lists]
      const all = { ...attributes, activation: 'relu' }
      const dispatches: Operation['dispatches'] = (_, [a, b, bias, r, mask, l], [c]) =>
        make(forward, a!, b!, c, { activation: 'relu', bias, residual: r, mask, lists: l }, cpu)!
      const [actual] = await runOperation(await testGpu(), { ...fusedConv, dispatches }, all, inputs, { integerInputs: [5] })
      expectClose(actual, fusedConv.reference(all, inputs)[0], 1e-5, `${kernel} with everything`)
    }
    const gradients = inputGradientProblems(g)
    const onCpu: Make = (a, b, c) => gradients.flatMap((p) => rowsConv(p, a, b, c, none, cpu)!)
    if (isTried) await run(convInputGradient, { ...attributes, inputShape: x }, [y, w], onCpu, 'input gradient in rows')
    const gradientKernels: [string, typeof quadsWeightGradient][] = isTried ? [['weight gradient in quads', quadsWeightGradient]] : []
    for (const size of sizes.filter((each) => isForWinogradGradient(g, cpu, each))) {
      gradientKernels.push([`weight gradient winograd ${size}`, (...operands) => winogradWeightGradient(...operands, size)])
    }
    for (const [kernel, make] of gradientKernels) {
      await run(convWeightGradient, { ...attributes, weightShape: w }, [x, y], (a, b, c) => make(g, a, b, c, cpu)!, kernel)
    }
    const problems = inputGradientProblems(g)
    const able = problems.map((p) => tileVariants(p, target))
    for (const variant of new Set(able.flat())) {
      const make: Make = (a, b, c) =>
        problems.map((p, i) => tiledConv(p, a, b, c, none, target, able[i].includes(variant) ? variant : 'tiled'))
      await run(convInputGradient, { ...attributes, inputShape: x }, [y, w], make, `input gradient ${variant}`)
    }
    await run(convInputGradient, { ...attributes, inputShape: x }, [y, w], (a, b, c) => gatherInputGradient(g, a, b, c, target), 'gather')
    for (const kernel of [
      plainWeightGradient,
      tiledWeightGradient,
      workgroupWeightGradient,
      ...(isNarrow(g) ? [narrowWeightGradient] : []),
    ]) {
      await run(convWeightGradient, { ...attributes, weightShape: w }, [x, y], (a, b, c) => kernel(g, a, b, c, target), kernel.name)
    }
  })

  test('without subgroups, and as on hardware in many parts', async () => {
    const [x, w, y, attributes] = [[3, 5, 7, 9], [18, 5, 3, 3], [3, 18, 7, 9], { pads: [1, 1, 1, 1] }]
    const g = both(attributes, x, w)
    const plain: Make = (a, b, c, target) => [tiledConv(forwardProblem(g), a, b, c, none, { ...target, subgroups: false }, 'tiled')]
    await run(conv, attributes, [x, w], plain, 'forward')
    for (const change of [{ subgroups: false }, { kind: 'hardware' }] as const) {
      const make: Make = (a, b, c, target) => tiledWeightGradient(g, a, b, c, { ...target, ...change })
      await run(convWeightGradient, { ...attributes, weightShape: w }, [x, y], make, 'weight gradient')
    }
  })

  test('more than 65,535 workgroups', async () => {
    const [x, w] = [
      [1, 1, 2050, 2051],
      [1, 1, 1, 1],
    ]
    const g = both({}, x, w)
    await run(conv, {}, [x, w], (a, b, c, target) => directConv(g, a, b, c, none, target), 'direct')
  })

  test('what is chosen for whom', () => {
    const chosen = (x: Shape, w: Shape, attributes: Attributes) =>
      chooseTileVariant(forwardProblem(both(attributes, x, w)), { ...baselineTarget, subgroups: true })
    const pads = [1, 1, 1, 1]
    expect(chosen([64, 32, 32, 32], [32, 32, 3, 3], { pads })).toBe('tiled-3x3')
    expect(chosen([64, 32, 32, 32], [32, 32, 3, 3], { pads, strides: [2, 2] })).toBe('tiled')
    expect(chosen([64, 32, 2, 2], [32, 32, 3, 3], { pads })).toBe('tiled')
    expect(chosen([64, 32, 32, 32], [64, 32, 1, 1], {})).toBe('tiled')
    expect(chosen([64, 32, 32, 32], [32, 1, 3, 3], { pads, group: 32 })).toBe('depthwise-3x3')
    expect(chosen([64, 32, 32, 32], [32, 1, 3, 3], { pads, group: 32, strides: [2, 2] })).toBe('depthwise-3x3-stride2')
    expect(chosen([64, 32, 32, 32], [32, 1, 3, 3], { pads, group: 32, strides: [2, 1] })).toBe('narrow')
    const tiles = (x: Shape, w: Shape, attributes: Attributes) =>
      winogradSize(forwardProblem(both(attributes, x, w)), x[0], { ...baselineTarget, kind: 'cpu' })
    expect(tiles([64, 32, 32, 32], [32, 32, 3, 3], { pads })).toBe(4)
    expect(tiles([64, 3, 7, 7], [16, 3, 3, 3], { pads })).toBe(4)
    expect(tiles([1, 32, 32, 32], [32, 32, 3, 3], { pads })).toBe(2)
    expect(tiles([64, 32, 4, 4], [32, 32, 3, 3], { pads })).toBe(2)
    expect(tiles([1, 3, 32, 32], [16, 3, 3, 3], { pads })).toBe(undefined)
    expect(tiles([64, 32, 32, 32], [32, 32, 3, 3], { pads, strides: [2, 2] })).toBe(undefined)
    const small = conv.dispatches(
      {},
      [
        { name: 'x', shape: [1, 8, 8, 8] },
        { name: 'w', shape: [8, 8, 1, 1] },
      ],
      [{ name: 'y', shape: [1, 8, 8, 8] }],
      { ...baselineTarget, kind: 'hardware' },
    )
    expect(small[0].shader.name).toBe('conv2d')
  })
})

test('on the GPU <conv(x, w), y> = <x, input gradient> = <w, weight gradient>', async () => {
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0)
  for (const { x, w, attributes } of shapes) {
    const [images, weights] = [randomArray(x, 1), randomArray(w, 2)]
    const gpu = await testGpu()
    const [y] = await runOperation(gpu, conv, attributes, [images, weights])
    const direction = randomArray(y.shape, 3)
    const [dx] = await runOperation(gpu, convInputGradient, { ...attributes, inputShape: x }, [direction, weights])
    const [dw] = await runOperation(gpu, convWeightGradient, { ...attributes, weightShape: w }, [images, direction])
    const expected = dot(y.data, direction.data)
    expect(dot(dx.data, images.data)).toBeCloseTo(expected, 3)
    expect(dot(dw.data, weights.data)).toBeCloseTo(expected, 3)
  }
})

describe('shapes that do not fit are errors', () => {
  const x = [1, 4, 5, 5]
  test.each([
    ['channels', {}, [x, [2, 3, 3, 3]], /Conv: weights \[2, 3, 3, 3\] with group 1 take 3 channels, the input is \[1, 4, 5, 5\]/],
    [
      'rank',
      {},
      [
        [4, 5, 5],
        [2, 3, 3, 3],
      ],
      /Conv: input must be \[batch, channels, height, width\], found \[4, 5, 5\]/,
    ],
    ['absent weights', {}, [x, undefined], /Conv: weights must be .* found nothing/],
    ['kernel larger than image', {}, [x, [2, 4, 7, 3]], /Conv: a 7 x 3 kernel .* does not fit into 5 x 5/],
    ['groups', { group: 2 }, [x, [3, 2, 3, 3]], /Conv: 3 outputs do not divide into 2 groups/],
    ['kernel_shape', { kernel_shape: [5, 5] }, [x, [2, 4, 3, 3]], /kernel_shape' is \[5, 5\], but the weights are/],
    ['strides', { strides: [0, 1] }, [x, [2, 4, 3, 3]], /'strides' must be 2 integers >= 1, found \[0,1\]/],
    ['bias', {}, [x, [2, 4, 3, 3], [3]], /Conv: bias must be \[2\], found \[3\]/],
  ] as [string, Attributes, (Shape | undefined)[], RegExp][])('%s', (_, attributes, inputs, message) => {
    expect(() => conv.infer(attributes, inputs)).toThrow(message)
  })
  test('operands of FusedConv', () => {
    expect(() => fusedConv.infer({ activation: 'gelu' }, [x, [2, 4, 1, 1]])).toThrow(
      /'activation' must be none, relu or relu6, found "gelu"/,
    )
    expect(() => fusedConv.infer({}, [x, [2, 4, 1, 1], undefined, [1, 2, 4, 5]])).toThrow(/residual must be the output's shape/)
    expect(() => fusedConv.infer({}, [x, [2, 4, 1, 1], undefined, undefined, [2, 2]])).toThrow(/candidates dividing the batch of 1/)
    const lists = (attributes: Attributes, w: Shape, length: number) => () =>
      fusedConv.infer(attributes, [x, w, undefined, undefined, undefined, [1, length]])
    expect(lists({}, [2, 4, 1, 1], 7)).toThrow(/lists must be \[candidates, 8\] for 4 channels and 2 outputs in one group.*found \[1, 7\]/)
    expect(lists({ group: 2 }, [2, 2, 1, 1], 8)).toThrow(/found \[1, 8\] with group 2/)
  })
  test('output gradients', () => {
    expect(() =>
      convInputGradient.infer({ inputShape: x }, [
        [1, 2, 5, 5],
        [2, 4, 3, 3],
      ]),
    ).toThrow(/output gradient must be \[1, 2, 3, 3\]/)
    expect(() => convWeightGradient.infer({ weightShape: [2, 4, 3, 3] }, [x, [1, 2, 5, 5]])).toThrow(
      /output gradient must be \[1, 2, 3, 3\]/,
    )
    expect(() =>
      convInputGradient.infer({}, [
        [1, 2, 5, 5],
        [2, 4, 3, 3],
      ]),
    ).toThrow(/'inputShape' must be|input/)
  })
})
