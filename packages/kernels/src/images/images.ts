import { expectShape, inputShape, integerAttribute, numbersAttribute, shapeAttribute } from '../checks.js'
import { type Attributes, elements, type Operation, type Shape } from '../operation.js'
import { pending } from '../pending.js'

function imagesShape(op: string, attributes: Attributes, inputs: readonly (Shape | undefined)[]): number[] {
  const shape = shapeAttribute(op, attributes, 'shape')
  if (shape.length !== 4) throw new Error(`${op}: attribute 'shape' must be [N, C, H, W], found [${shape.join(', ')}]`)
  expectShape(op, 'bytes', inputShape(op, inputs, 0, 'bytes'), [Math.ceil(elements(shape) / 4)])
  numbersAttribute(op, attributes, 'mean', undefined, shape[1])
  numbersAttribute(op, attributes, 'std', undefined, shape[1])
  return [...shape]
}

/** NormalizeImages(bytes u32 [ceil(N*C*H*W / 4)]) {shape, mean, std} -> x */
export const normalizeImages: Operation = {
  op: 'NormalizeImages',
  infer(attributes, inputs) {
    return [imagesShape(this.op, attributes, inputs)]
  },
  ...pending('NormalizeImages'),
}

/** AugmentImages(bytes, random u32 [2]: seed, step) {shape, mean, std, crop, flip} -> x */
export const augmentImages: Operation = {
  op: 'AugmentImages',
  infer(attributes, inputs) {
    const shape = imagesShape(this.op, attributes, inputs)
    expectShape(this.op, 'random', inputs[1], [2])
    integerAttribute(this.op, attributes, 'crop', 0, 0)
    integerAttribute(this.op, attributes, 'flip', 0, 0)
    return [shape]
  },
  ...pending('AugmentImages'),
}
