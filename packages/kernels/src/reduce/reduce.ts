import { axisIn, broadcastShapes, expectShape, inputShape, integerAttribute, integersAttribute, shapeAttribute, show } from '../checks.js'
import { type Attributes, elements, type Operation, type Shape } from '../operation.js'
import { pending } from '../pending.js'

/** SumTo(x) {shape} -> y: sums x over the dimensions along which `shape` would broadcast to it. */
export const sumTo: Operation = {
  op: 'SumTo',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const shape = shapeAttribute(this.op, attributes, 'shape')
    expectShape(this.op, `x, for ${show(shape)} to broadcast to it,`, x, broadcastShapes(this.op, x, shape))
    return [[...shape]]
  },
  ...pending('SumTo'),
  gradient: (call, [dy], emit) => emit('Expand', { shape: call.inputShapes[0]! }, [dy]),
}

/** The input's shape with the reduced dimensions as 1, and the axes. */
function reduced(op: string, attributes: Attributes, x: Shape): { kept: number[]; result: number[]; count: number } {
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
    infer: (attributes, inputs) => [reduced(op, attributes, inputShape(op, inputs, 0, 'x')).result],
    ...pending(op),
    gradient(call, [dy], emit) {
      const x = call.inputShapes[0]!
      const { kept, count } = reduced(op, call.attributes, x)
      const [column] = emit('Reshape', { shape: kept }, [emit('Scale', { factor: factorOf(count) }, [dy])[0]])
      return emit('Expand', { shape: x }, [column])
    },
  }
}

/** ReduceMean, ReduceSum(x) {axes, keepdims} -> y */
export const reduceMean = reduction('ReduceMean', (count) => 1 / count)
export const reduceSum = reduction('ReduceSum', () => 1)
