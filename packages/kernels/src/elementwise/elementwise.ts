import { broadcastShapes, expectShape, inputShape, numberAttribute } from '../checks.js'
import { type Call, type Emit, elements, type Operation, type Shape } from '../operation.js'
import { pending } from '../pending.js'

/** The gradient of an operand that was broadcast: the sum over the repeated dimensions. */
function sumTo(name: string, from: Shape, to: Shape, emit: Emit): string {
  return from.length === to.length && from.every((dimension, i) => dimension === to[i]) ? name : emit('SumTo', { shape: to }, [name])[0]
}

type Derivative = (call: Call, dy: string, emit: Emit) => string

/** a (op) b with numpy broadcasting, and the derivatives to a and to b before summing over broadcast dimensions. */
function binary(op: string, derivatives: readonly [Derivative, Derivative]): Operation {
  return {
    op,
    infer: (_, inputs) => [broadcastShapes(op, inputShape(op, inputs, 0, 'a'), inputShape(op, inputs, 1, 'b'))],
    ...pending(op),
    gradient: (call, [dy], emit) =>
      derivatives.map((derivative, i) =>
        call.wanted[i] && dy ? sumTo(derivative(call, dy, emit), call.outputShapes[0], call.inputShapes[i]!, emit) : undefined,
      ),
  }
}

const same: Derivative = (_, dy) => dy
const negated = (name: string, emit: Emit) => emit('Scale', { factor: -1 }, [name])[0]

export const elementwiseOperations: readonly Operation[] = [
  binary('Add', [same, same]),
  binary('Sub', [same, (_, dy, emit) => negated(dy, emit)]),
  binary('Mul', [
    (call, dy, emit) => emit('Mul', {}, [dy, call.inputs[1]])[0],
    (call, dy, emit) => emit('Mul', {}, [dy, call.inputs[0]])[0],
  ]),
  // d(a / b) / db = -(a / b) / b
  binary('Div', [
    (call, dy, emit) => emit('Div', {}, [dy, call.inputs[1]])[0],
    (call, dy, emit) => negated(emit('Div', {}, [emit('Mul', {}, [dy, call.outputs[0]])[0], call.inputs[1]])[0], emit),
  ]),
]

/** Scale(x) {factor} -> y = factor x */
export const scale: Operation = {
  op: 'Scale',
  infer(attributes, inputs) {
    numberAttribute(this.op, attributes, 'factor')
    return [[...inputShape(this.op, inputs, 0, 'x')]]
  },
  ...pending('Scale'),
  gradient: (call, [dy], emit) => emit('Scale', call.attributes, [dy]),
}

/**
 * Accumulate(x [P*B, ...], accumulator [P] or [P, ...], valid u32 [1]?) -> nothing; updates accumulator: adds the sum over the
 * first `valid` images of each block of B (all without `valid`); [P] also sums what follows the batch.
 */
export const accumulate: Operation = {
  op: 'Accumulate',
  updates: [1],
  infer(_, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const accumulator = inputShape(this.op, inputs, 1, 'accumulator')
    if (x[0] % accumulator[0])
      throw new Error(`${this.op}: a batch of ${x[0]} is not a multiple of the accumulator's ${accumulator[0]} candidates`)
    if (accumulator.length > 1) expectShape(this.op, 'accumulator', accumulator, [accumulator[0], ...x.slice(1)])
    if (inputs[2] && elements(inputs[2]) !== 1) expectShape(this.op, 'valid', inputs[2], [1])
    return []
  },
  ...pending('Accumulate'),
}
