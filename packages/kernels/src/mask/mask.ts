import { inputShape, integerAttribute, show } from '../checks.js'
import type { Operation } from '../operation.js'
import { pending } from '../pending.js'

/** Mask(x, mask [P, C]) {expand: 0|1} -> y */
export const mask: Operation = {
  op: 'Mask',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const [candidates, channels] = inputShape(this.op, inputs, 1, 'mask', 2)
    const expand = integerAttribute(this.op, attributes, 'expand', 0) !== 0
    if (x.length < 2 || x[1] !== channels) throw new Error(`${this.op}: mask ${show(inputs[1]!)} does not fit the channels of x ${show(x)}`)
    if (!expand && x[0] % candidates)
      throw new Error(`${this.op}: a batch of ${x[0]} is not a multiple of the mask's ${candidates} candidates`)
    return [expand ? [x[0] * candidates, ...x.slice(1)] : [...x]]
  },
  ...pending('Mask'),
  gradient(call, [dy], emit) {
    const [masked] = emit('Mask', { expand: 0 }, [dy, call.inputs[1]])
    const x = call.inputShapes[0]!
    const candidates = call.inputShapes[1]![0]
    if (!call.attributes.expand || candidates === 1) return [masked, undefined]
    const [blocks] = emit('Reshape', { shape: [candidates, ...x] }, [masked])
    return [emit('SumTo', { shape: x }, [blocks])[0], undefined]
  },
}
