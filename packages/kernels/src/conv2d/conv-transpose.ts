import type { Operation } from '../operation.js'
import { convTransposeReference } from './conv2d.reference.js'
import { convMacs, inputShape, transposedGeometry, weightShape } from './geometry.js'
import { inputGradientDispatches } from './input-gradient.js'

const op = 'ConvTranspose'

/**
 * ConvTranspose(x [N, M, H, W], w [M, C/group, KH, KW], bias [C]?) {kernel_shape, strides, pads, dilations, group, output_padding} -> y [N, C, OH, OW],
 * as ONNX's: the input gradient of the convolution with the same weights, and computed as such.
 */
export const convTranspose: Operation = {
  op,
  infer(attributes, [x, w, bias]) {
    const g = transposedGeometry(op, attributes, x, w)
    if (bias && (bias.length !== 1 || bias[0] !== g.c)) throw new Error(`${op}: bias must be [${g.c}], found [${bias.join(', ')}]`)
    return [inputShape(g)]
  },
  dispatches: (attributes, [x, w, bias], [y], target) =>
    inputGradientDispatches(transposedGeometry(op, attributes, x!.shape, w!.shape), x!, w!, y, target, bias),
  reference: (attributes, [x, w, bias]) => [convTransposeReference(transposedGeometry(op, attributes, x!.shape, w!.shape), x!, w!, bias)],
  gradient({ attributes, inputs: [x, w], inputShapes, wanted }, [dy], emit) {
    const { output_padding: _, ...rest } = attributes
    const g = transposedGeometry(op, attributes, inputShapes[0], inputShapes[1])
    return [
      wanted[0] ? emit('Conv', rest, [dy, w])[0] : undefined,
      wanted[1] ? emit('ConvWeightGradient', { ...rest, weightShape: weightShape(g) }, [dy, x])[0] : undefined,
      wanted[2] ? emit('ChannelSum', {}, [dy])[0] : undefined,
    ]
  },
  macs: (attributes, [x, w]) => convMacs(transposedGeometry(op, attributes, x, w)),
}
