import { expectShape, inputShape, integerAttribute, numbersAttribute, shapeAttribute } from '../checks.js'
import {
  type Attributes,
  type Dispatch,
  elements,
  type Operation,
  type Shape,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import philoxCode from '../random/philox.wgsl'
import { imagesOf } from './images.reference.js'
import code from './images.wgsl'

const shader = { name: 'Images', code: philoxCode + code, access: ['read', 'read', 'write'] } as const
const wideShader = { ...shader, entryPoint: 'wide' }
/** Places for channels in the shader's parameters. */
const maxChannels = 12

function imagesShape(op: string, attributes: Attributes, inputs: readonly (Shape | undefined)[]): number[] {
  const shape = shapeAttribute(op, attributes, 'shape')
  if (shape.length !== 4) throw new Error(`${op}: attribute 'shape' must be [N, C, H, W], found [${shape.join(', ')}]`)
  if (shape[1] > maxChannels) throw new Error(`${op}: images have at most ${maxChannels} channels, found ${shape[1]}`)
  expectShape(op, 'bytes', inputShape(op, inputs, 0, 'bytes'), [Math.ceil(elements(shape) / 4)])
  numbersAttribute(op, attributes, 'mean', undefined, shape[1])
  numbersAttribute(op, attributes, 'std', undefined, shape[1])
  return [...shape]
}

const augmentationOf = (op: string, attributes: Attributes) => ({
  crop: integerAttribute(op, attributes, 'crop', 0, 0),
  flip: integerAttribute(op, attributes, 'flip', 0, 0) !== 0,
})

function dispatch(attributes: Attributes, bytes: Tensor, random: Tensor | undefined, y: Tensor, target: Target): Dispatch {
  const [images, channels, height, width] = y.shape
  const { crop, flip } = random ? augmentationOf('AugmentImages', attributes) : { crop: 0, flip: false }
  const [mean, std] = [attributes.mean as number[], attributes.std as number[]]
  const affine = Array.from({ length: maxChannels }, (_, c) => (c < channels ? [1 / 255 / std[c], -mean[c] / std[c], 0, 0] : [0, 0, 0, 0]))
  const isWide = target.kind === 'cpu'
  return {
    shader: isWide ? wideShader : shader,
    operands: [bytes, random, y],
    params: { u32: [images, channels, height, width, crop, flip ? 1 : 0, 0, 0], f32: affine.flat() },
    workgroups: isWide ? workgroups1d(images * channels, 1, target) : workgroups1d(images * channels * height, 64, target),
  }
}

/** NormalizeImages(bytes u32 [ceil(N*C*H*W / 4)]) {shape, mean, std} -> x [N, C, H, W] = (byte / 255 - mean) / std per channel; bytes are packed NCHW, four a word. */
export const normalizeImages: Operation = {
  op: 'NormalizeImages',
  infer(attributes, inputs) {
    return [imagesShape(this.op, attributes, inputs)]
  },
  dispatches: (attributes, [bytes], [y], target) => [dispatch(attributes, bytes!, undefined, y, target)],
  reference: (attributes, [bytes]) => [
    imagesOf(bytes!, attributes.shape as number[], attributes.mean as number[], attributes.std as number[]),
  ],
}

/**
 * AugmentImages(bytes, random u32 [2]: seed, step) {shape, mean, std, crop, flip} -> x: as NormalizeImages, with each image padded by
 * `crop` raw zero pixels, cut back to its size at a random place, and flipped with probability one half. Each image's randoms are a
 * function of (seed, step, its place in the batch): Philox 4x32-10.
 */
export const augmentImages: Operation = {
  op: 'AugmentImages',
  infer(attributes, inputs) {
    const shape = imagesShape(this.op, attributes, inputs)
    expectShape(this.op, 'random', inputs[1], [2])
    augmentationOf(this.op, attributes)
    return [shape]
  },
  dispatches: (attributes, [bytes, random], [y], target) => [dispatch(attributes, bytes!, random, y, target)],
  reference(attributes, [bytes, random]) {
    const [seed, step] = random!.data
    const augmentation = { ...augmentationOf('AugmentImages', attributes), seed, step }
    return [imagesOf(bytes!, attributes.shape as number[], attributes.mean as number[], attributes.std as number[], augmentation)]
  },
}
