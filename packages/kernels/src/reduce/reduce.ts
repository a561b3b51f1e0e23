import { axisIn, broadcastShapes, expectShape, inputShape, integerAttribute, integersAttribute, shapeAttribute, show } from '../checks.js'
import {
  type Attributes,
  type Dispatch,
  elements,
  type Operation,
  type Shape,
  scratch,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { bothWidths, widthOf } from '../vectors.js'
import { sumOver } from './reduce.reference.js'
import reduce from './reduce.wgsl'

const shader = bothWidths('reduce', reduce, ['read', 'write'])

interface Step {
  readonly outer: number
  readonly reduced: number
  readonly parts: number
  readonly inner: number
  readonly width: 1 | 4
}

/** One run [outer, reduced, inner] -> [outer, inner] as one or two dispatches' worth of steps. */
function stepsFor(outer: number, reduced: number, inner: number, target: Target): Step[] {
  // Rows along memory are read four at a time; the four sums are left to the next step.
  if (inner === 1 && reduced >= 32 && reduced % 4 === 0)
    return [...stepsFor(outer, reduced / 4, 4, target), ...stepsFor(outer, 4, 1, target)]
  const width = widthOf(inner)
  const wanted = target.kind === 'hardware' ? 65536 : 256
  const parts = Math.min(Math.ceil(reduced / 16), Math.max(Math.ceil(reduced / 1024), Math.ceil((wanted * width) / (outer * inner))))
  const step = { outer, reduced, parts, inner, width }
  return parts === 1 ? [step] : [step, ...stepsFor(outer, parts, inner, target)]
}

/** y = factor x (sum of x over the dimensions of its shape where `kept` is 1). Runs of reduced dimensions go one after the other, the innermost first. */
export function sumDispatches(x: Tensor, y: Tensor, kept: Shape, factor: number, target: Target): Dispatch[] {
  const padded = x.shape.map((_, axis) => kept[axis - x.shape.length + kept.length] ?? 1)
  const steps: Step[] = []
  let inner = 1
  let run = 1
  for (let axis = x.shape.length - 1; axis >= -1; axis--) {
    const isReduced = axis >= 0 && padded[axis] === 1
    if (isReduced) run *= x.shape[axis]
    else {
      if (run > 1) steps.push(...stepsFor(elements(x.shape.slice(0, axis + 1)), run, inner, target))
      run = 1
      if (axis >= 0) inner *= x.shape[axis]
    }
  }
  if (!steps.length) steps.push({ outer: 1, reduced: 1, parts: 1, inner: elements(x.shape), width: widthOf(elements(x.shape)) })
  let source = x
  return steps.map(({ outer, reduced, parts, inner: columns, width }, i) => {
    const last = i === steps.length - 1
    const into = last ? y : scratch(`sums ${i}`, [outer, parts, columns])
    const count = (outer * parts * columns) / width
    const dispatch = {
      shader: shader[width],
      operands: [source, into],
      params: { u32: [count, reduced, parts, columns / width], f32: [last ? factor : 1] },
      workgroups: workgroups1d(count, 64, target),
    }
    source = into
    return dispatch
  })
}

/** SumTo(x) {shape} -> y: sums x over the dimensions along which `shape` would broadcast to it. */
export const sumTo: Operation = {
  op: 'SumTo',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const shape = shapeAttribute(this.op, attributes, 'shape')
    expectShape(this.op, `x, for ${show(shape)} to broadcast to it,`, x, broadcastShapes(this.op, x, shape))
    return [[...shape]]
  },
  dispatches: (_, [x], [y], target) => sumDispatches(x!, y, y.shape, 1, target),
  reference: (attributes, [x]) => [sumOver(x!, shapeAttribute('SumTo', attributes, 'shape'), 1)],
  gradient: (call, [dy], emit) => emit('Expand', { shape: call.inputShapes[0]! }, [dy]),
}

/** x's shape with 1 for the reduced dimensions, the result's shape, and how many elements each sum has. */
function reducedShapes(op: string, attributes: Attributes, x: Shape): { kept: number[]; result: number[]; count: number } {
  const axes = new Set(
    integersAttribute(
      op,
      attributes,
      'axes',
      x.map((_, i) => i),
    ).map((axis) => axisIn(op, axis, x.length)),
  )
  const kept = x.map((dimension, axis) => (axes.has(axis) ? 1 : dimension))
  const squeezed = kept.filter((_, axis) => !axes.has(axis))
  const result = integerAttribute(op, attributes, 'keepdims', 1) !== 0 ? kept : squeezed.length ? squeezed : [1]
  return { kept, result, count: elements(x) / elements(kept) }
}

function reduction(op: string, factorOf: (count: number) => number): Operation {
  return {
    op,
    infer: (attributes, inputs) => [reducedShapes(op, attributes, inputShape(op, inputs, 0, 'x')).result],
    dispatches(attributes, [x], [y], target) {
      const { kept, count } = reducedShapes(op, attributes, x!.shape)
      return sumDispatches(x!, y, kept, factorOf(count), target)
    },
    reference(attributes, [x]) {
      const { kept, result, count } = reducedShapes(op, attributes, x!.shape)
      return [{ shape: result, data: sumOver(x!, kept, factorOf(count)).data }]
    },
    gradient(call, [dy], emit) {
      const x = call.inputShapes[0]!
      const { kept, count } = reducedShapes(op, call.attributes, x)
      const [scaled] = emit('Scale', { factor: factorOf(count) }, [dy])
      return emit('Expand', { shape: x }, emit('Reshape', { shape: kept }, [scaled]))
    },
  }
}

/** ReduceMean and ReduceSum(x) {axes (all when absent), keepdims} -> y */
export const reduceMean = reduction('ReduceMean', (count) => 1 / count)
export const reduceSum = reduction('ReduceSum', () => 1)
