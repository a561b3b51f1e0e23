import { inputShape, integerAttribute, show } from '../checks.js'
import { elements, type Operation, type Shader, type Shape, workgroups1d } from '../operation.js'
import { bothWidths, lanesFor, widthOf } from '../vectors.js'
import { maskChannels } from './mask.reference.js'
import code from './mask.wgsl'

const shader = bothWidths('Mask', code, ['read', 'read', 'write'])
const wideShader: Shader = { ...shader[1], entryPoint: 'wide' }

/**
 * Mask(x, mask [P, C]) {expand: 0|1} -> y [P*B, C, ...]: channel masks with a candidate dimension. Image n belongs to candidate
 * n div B. With `expand` x has B images, which every candidate gets; without it x has P*B already.
 */
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
  dispatches(_, [x, factors], [y], target) {
    const [images, channels, ...spatial] = y.shape
    const plane = elements(spatial)
    const planes = images * channels
    const sizes = (vectors: number, lanes: number) => [channels, planes, planes / factors!.shape[0], vectors, lanes, x!.shape[0] * channels]
    if (target.kind === 'cpu' && plane >= 4) {
      const each = Math.max(1, Math.floor(8192 / plane))
      const params = { u32: sizes(plane, each) }
      return [{ shader: wideShader, operands: [x, factors, y], params, workgroups: workgroups1d(planes, each, target) }]
    }
    const width = widthOf(plane)
    const vectors = plane / width
    const lanes = lanesFor(vectors, Math.ceil(vectors / 16))
    return [
      {
        shader: shader[width],
        operands: [x, factors, y],
        params: { u32: sizes(vectors, lanes) },
        workgroups: workgroups1d(planes * lanes, 64, target),
      },
    ]
  },
  reference: (attributes, [x, factors]) => [maskChannels(x!, factors!, Boolean(attributes.expand))],
  gradient(call, [dy], emit) {
    const [x, mask] = call.inputShapes as [Shape, Shape]
    const [candidates, channels] = mask
    const repeated = Boolean(call.attributes.expand) && candidates > 1
    const forX = () => {
      const [masked] = emit('Mask', { expand: 0 }, [dy, call.inputs[1]])
      if (!repeated) return masked
      const [blocks] = emit('Reshape', { shape: [candidates, ...x] }, [masked])
      return emit('SumTo', { shape: x }, [blocks])[0]
    }
    const forMask = () => {
      const [each] = repeated ? emit('RepeatBatch', { repeats: candidates }, [call.inputs[0]]) : [call.inputs[0]]
      const [products] = emit('Mul', {}, [dy, each])
      const planes = [candidates, call.outputShapes[0][0] / candidates, channels, elements(x.slice(2))]
      const [blocks] = emit('Reshape', { shape: planes }, [products])
      const [sums] = emit('SumTo', { shape: [candidates, 1, channels, 1] }, [blocks])
      return emit('Reshape', { shape: mask }, [sums])[0]
    }
    return [call.wanted[0] ? forX() : undefined, call.wanted[1] ? forMask() : undefined]
  },
}
