import type { Attributes, Shape } from '../operation.js'

/** Everything about a 2-D convolution's shapes; x [n, c, h, w], weights [m, c/group, kh, kw], y [n, m, oh, ow]. Pads may differ per side. */
export interface ConvGeometry {
  readonly n: number
  readonly c: number
  readonly h: number
  readonly w: number
  readonly m: number
  readonly oh: number
  readonly ow: number
  readonly kh: number
  readonly kw: number
  readonly strideH: number
  readonly strideW: number
  readonly padTop: number
  readonly padLeft: number
  readonly dilationH: number
  readonly dilationW: number
  readonly group: number
}

export interface ConvAttributes {
  readonly kernelShape: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly pads: readonly [number, number, number, number]
  readonly dilations: readonly [number, number]
  readonly group: number
}

const show = (shape: Shape | undefined) => (shape ? `[${shape.join(', ')}]` : 'nothing')

function integers(op: string, attributes: Attributes, name: string, fallback: readonly number[], least: number): number[] {
  const value = attributes[name] ?? fallback
  if (!Array.isArray(value) || value.length !== fallback.length || value.some((v) => !Number.isInteger(v) || v < least)) {
    throw new Error(`${op}: attribute '${name}' must be ${fallback.length} integers >= ${least}, found ${JSON.stringify(value)}`)
  }
  return value as number[]
}

/** ONNX's attributes of Conv with their defaults; throws on anything but a 2-D convolution. `weights` stands in for an absent kernel_shape. */
export function convAttributes(op: string, attributes: Attributes, weights: Shape): ConvAttributes {
  if (weights.length !== 4) throw new Error(`${op}: weights must be [outputs, inputs/group, height, width], found ${show(weights)}`)
  const kernel = integers(op, { kernel_shape: attributes.kernel_shape ?? weights.slice(2) }, 'kernel_shape', [1, 1], 1)
  if (kernel[0] !== weights[2] || kernel[1] !== weights[3]) {
    throw new Error(`${op}: attribute 'kernel_shape' is ${show(kernel)}, but the weights are ${show(weights)}`)
  }
  const group = attributes.group ?? 1
  if (typeof group !== 'number' || !Number.isInteger(group) || group < 1)
    throw new Error(`${op}: attribute 'group' must be an integer >= 1, found ${JSON.stringify(group)}`)
  return {
    kernelShape: kernel as unknown as [number, number],
    strides: integers(op, attributes, 'strides', [1, 1], 1) as unknown as [number, number],
    pads: integers(op, attributes, 'pads', [0, 0, 0, 0], 0) as unknown as [number, number, number, number],
    dilations: integers(op, attributes, 'dilations', [1, 1], 1) as unknown as [number, number],
    group,
  }
}

/** The geometry of a convolution of `x` with `weights`; throws an Error that names the operation, what was expected and what was found. */
export function convGeometry(op: string, attributes: Attributes, x: Shape | undefined, weights: Shape | undefined): ConvGeometry {
  if (x?.length !== 4) throw new Error(`${op}: input must be [batch, channels, height, width], found ${show(x)}`)
  if (weights?.length !== 4) throw new Error(`${op}: weights must be [outputs, inputs/group, height, width], found ${show(weights)}`)
  const { strides, pads, dilations, group } = convAttributes(op, attributes, weights)
  const [n, c, h, w] = x
  const [m, channels, kh, kw] = weights
  if (c !== channels * group)
    throw new Error(`${op}: weights ${show(weights)} with group ${group} take ${channels * group} channels, the input is ${show(x)}`)
  if (m % group !== 0) throw new Error(`${op}: ${m} outputs do not divide into ${group} groups`)
  const oh = Math.floor((h + pads[0] + pads[2] - dilations[0] * (kh - 1) - 1) / strides[0]) + 1
  const ow = Math.floor((w + pads[1] + pads[3] - dilations[1] * (kw - 1) - 1) / strides[1]) + 1
  if (oh < 1 || ow < 1) {
    throw new Error(`${op}: a ${kh} x ${kw} kernel with dilations ${show(dilations)} does not fit into ${h} x ${w} with pads ${show(pads)}`)
  }
  return {
    n,
    c,
    h,
    w,
    m,
    oh,
    ow,
    kh,
    kw,
    group,
    strideH: strides[0],
    strideW: strides[1],
    padTop: pads[0],
    padLeft: pads[1],
    dilationH: dilations[0],
    dilationW: dilations[1],
  } // prettier-ignore
}

/**
 * The convolution whose input gradient is a transposed convolution: it would make `x` [n, m, oh, ow] with `weights` [m, c/group, kh, kw] of the
 * result [n, c, h, w], h = (oh - 1) stride + dilation (kh - 1) + 1 + output_padding - pads (ONNX, ConvTranspose). Throws as convGeometry does.
 */
export function transposedGeometry(op: string, attributes: Attributes, x: Shape | undefined, weights: Shape | undefined): ConvGeometry {
  if (x?.length !== 4) throw new Error(`${op}: input must be [batch, channels, height, width], found ${show(x)}`)
  if (weights?.length !== 4) throw new Error(`${op}: weights must be [inputs, outputs/group, height, width], found ${show(weights)}`)
  if (weights[0] !== x[1]) throw new Error(`${op}: weights ${show(weights)} take ${weights[0]} channels, the input is ${show(x)}`)
  const { strides, pads, dilations, group } = convAttributes(op, attributes, weights)
  const extra = integers(op, attributes, 'output_padding', [0, 0], 0)
  // More would be rows that no input reaches, and a convolution of the result would have more outputs than x.
  if (extra.some((value, i) => value >= strides[i]))
    throw new Error(`${op}: attribute 'output_padding' must be less than the strides ${show(strides)}, found ${show(extra)}`)
  const size = [0, 1].map((i) => (x[i + 2] - 1) * strides[i] + dilations[i] * (weights[i + 2] - 1) + 1 + extra[i] - pads[i] - pads[i + 2])
  if (size.some((value) => value < 1)) throw new Error(`${op}: pads ${show(pads)} leave nothing of an output of ${show(x)}`)
  return convGeometry(op, attributes, [x[0], weights[1] * group, ...size], weights)
}

export const inputShape = (g: ConvGeometry): Shape => [g.n, g.c, g.h, g.w]
export const weightShape = (g: ConvGeometry): Shape => [g.m, g.c / g.group, g.kh, g.kw]
export const outputShape = (g: ConvGeometry): Shape => [g.n, g.m, g.oh, g.ow]
/** Multiply-accumulates, padding counted as work, as the literature does. */
export const convMacs = (g: ConvGeometry): number => g.n * g.m * g.oh * g.ow * (g.c / g.group) * g.kh * g.kw

/** The first 16 scalars of every plain convolution shader's `Params`. */
export function geometryParams(g: ConvGeometry): number[] {
  return [g.n, g.c, g.h, g.w, g.m, g.oh, g.ow, g.kh, g.kw, g.strideH, g.strideW, g.padTop, g.padLeft, g.dilationH, g.dilationW, g.group]
}

/** A shape given as an attribute (the gradients of a convolution need the shape that cannot be told from their inputs). */
export function shapeAttribute(op: string, attributes: Attributes, name: string): Shape {
  if (attributes[name] === undefined) throw new Error(`${op}: attribute '${name}' is missing`)
  return integers(op, attributes, name, [1, 1, 1, 1], 1)
}
