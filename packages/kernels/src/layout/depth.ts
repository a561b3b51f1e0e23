import { choiceAttribute, inputShape, integerAttribute, show } from '../checks.js'
import type { Attributes, Operation, Shape } from '../operation.js'
import { gather } from './layout.reference.js'
import { stridedDispatch } from './strides.js'

function blockOf(op: string, attributes: Attributes): { block: number; byColumn: boolean } {
  return {
    block: integerAttribute(op, attributes, 'blocksize', undefined, 1),
    byColumn: choiceAttribute(op, attributes, 'mode', ['DCR', 'CRD'], 'DCR') === 'CRD',
  }
}

/** Strides of the deep tensor [N, C b b, H, W] along [N, C, i, j, H, W], (i, j) being the place in a block. */
function deepStrides([, depth, height, width]: Shape, block: number, byColumn: boolean): number[] {
  const plane = height * width
  const [channel, place] = byColumn ? [block * block * plane, plane] : [plane, (depth / (block * block)) * plane]
  return [depth * plane, channel, block * place, place, width, 1]
}

/** The channel of the deep tensor that holds place (i, j) of channel c's blocks. */
function deepChannel(c: number, i: number, j: number, channels: number, block: number, byColumn: boolean): number {
  return byColumn ? (c * block + i) * block + j : (i * block + j) * channels + c
}

/** DepthToSpace(x [N, C b b, H, W]) {blocksize b, mode: DCR | CRD} -> y [N, C, H b, W b]: every pixel's channels become a block of pixels. */
export const depthToSpace: Operation = {
  op: 'DepthToSpace',
  infer(attributes, inputs) {
    const [n, depth, h, w] = inputShape(this.op, inputs, 0, 'x', 4)
    const { block } = blockOf(this.op, attributes)
    if (depth % (block * block)) throw new Error(`${this.op}: ${depth} channels do not divide into blocks of ${block} x ${block}`)
    return [[n, depth / (block * block), h * block, w * block]]
  },
  dispatches(attributes, [x], [y], target) {
    const { block, byColumn } = blockOf(this.op, attributes)
    const [n, , h, w] = x!.shape
    const [images, channel, i, j, rows, columns] = deepStrides(x!.shape, block, byColumn)
    const walk = { op: this.op, shape: [n, y.shape[1], h, block, w, block], strides: [images, channel, rows, i, columns, j] }
    return [stridedDispatch(x!, y, walk, target)]
  },
  reference(attributes, [x]) {
    const { block: b, byColumn } = blockOf(this.op, attributes)
    const [shape] = this.infer(attributes, [x!.shape])
    return [
      gather(x!, shape, ([n, c, h, w]) => [n, deepChannel(c, h % b, w % b, shape[1], b, byColumn), Math.floor(h / b), Math.floor(w / b)]),
    ]
  },
  gradient: (call, [dy], emit) => emit('SpaceToDepth', call.attributes, [dy]),
}

/** SpaceToDepth(x [N, C, H b, W b]) {blocksize b, mode} -> y [N, C b b, H, W]: the inverse. ONNX's is that of DCR; `mode` is ours. */
export const spaceToDepth: Operation = {
  op: 'SpaceToDepth',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x', 4)
    const { block } = blockOf(this.op, attributes)
    if (x[2] % block || x[3] % block) throw new Error(`${this.op}: ${show(x)} does not divide into blocks of ${block} x ${block}`)
    return [[x[0], x[1] * block * block, x[2] / block, x[3] / block]]
  },
  dispatches(attributes, [x], [y], target) {
    const { block, byColumn } = blockOf(this.op, attributes)
    const [n, c, height, width] = x!.shape
    const [rows, columns] = [height / block, width / block]
    const strides = { n: c * height * width, c: height * width, i: width, j: 1, h: block * width, w: block }
    const places: (keyof typeof strides)[] = byColumn ? ['n', 'c', 'i', 'j', 'h', 'w'] : ['n', 'i', 'j', 'c', 'h', 'w']
    const sizes = { n, c, i: block, j: block, h: rows, w: columns }
    const walk = { op: this.op, shape: places.map((place) => sizes[place]), strides: places.map((place) => strides[place]) }
    return [stridedDispatch(x!, y, walk, target)]
  },
  reference(attributes, [x]) {
    const { block: b, byColumn } = blockOf(this.op, attributes)
    const channels = x!.shape[1]
    const [shape] = this.infer(attributes, [x!.shape])
    const source = ([n, k, h, w]: readonly number[]) => {
      const place = byColumn ? k % (b * b) : Math.floor(k / channels)
      const c = byColumn ? Math.floor(k / (b * b)) : k % channels
      return [n, c, h * b + Math.floor(place / b), w * b + (place % b)]
    }
    return [gather(x!, shape, source)]
  },
  gradient: (call, [dy], emit) => emit('DepthToSpace', call.attributes, [dy]),
}
