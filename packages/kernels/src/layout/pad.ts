import { axisIn, choiceAttribute, expectShape, inputShape, integersAttribute, numberAttribute, shapeAttribute, show } from '../checks.js'
import {
  type Attributes,
  type Dispatch,
  elements,
  type Operation,
  type Shader,
  type Shape,
  scratch,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { bothWidths } from '../vectors.js'
import { eachCoordinate, gather, indexOf } from './layout.reference.js'
import padding from './pad.wgsl'
import paddingGradient from './pad-gradient.wgsl'
import { maxOuterRank, outerArray, stridedDispatch, stridesOf } from './strides.js'

const padShader = bothWidths('pad', padding, ['read', 'write'])
const gradientShader: Shader = { name: 'pad.gradient', code: paddingGradient, access: ['read', 'write'] }

const padModes = ['constant', 'reflect', 'edge', 'wrap'] as const

/** Begin and end padding of every dimension of x; negative ones crop. */
export function padsOf(
  op: string,
  attributes: Attributes,
  x: Shape,
): { before: number[]; after: number[]; mode: (typeof padModes)[number] } {
  const axes = integersAttribute(
    op,
    attributes,
    'axes',
    x.map((_, i) => i),
  ).map((axis) => axisIn(op, axis, x.length))
  const pads = integersAttribute(op, attributes, 'pads', undefined, 2 * axes.length)
  const before = x.map(() => 0)
  const after = x.map(() => 0)
  axes.forEach((axis, i) => {
    before[axis] = pads[i]
    after[axis] = pads[axes.length + i]
  })
  const mode = choiceAttribute(op, attributes, 'mode', padModes, 'constant')
  numberAttribute(op, attributes, 'value', 0)
  x.forEach((dimension, axis) => {
    if (dimension + before[axis] + after[axis] < 1)
      throw new Error(`${op}: pads [${pads.join(', ')}] leave nothing of axis ${axis} of ${show(x)}`)
    if (mode === 'reflect' && Math.max(before[axis], after[axis]) >= dimension) {
      throw new Error(`${op}: reflecting ${Math.max(before[axis], after[axis])} elements needs more than the ${dimension} of axis ${axis}`)
    }
  })
  return { before, after, mode }
}

interface PaddedAxis {
  readonly out: number
  /** Where the input begins in the output; negative when it is cropped. */
  readonly begin: number
  readonly size: number
  readonly step: number
}

/** Unpadded dimensions join the padded one outside of them, so that padded channels become runs of whole planes. */
function joined(axes: readonly PaddedAxis[]): PaddedAxis[] {
  const result: PaddedAxis[] = []
  for (const axis of axes) {
    const last = result[result.length - 1]
    const whole = axis.begin === 0 && axis.out === axis.size && axis.step === 1
    if (last && whole && last.step === 1) {
      const [out, begin, size] = [last.out, last.begin, last.size].map((value) => value * axis.size)
      result[result.length - 1] = { out, begin, size, step: 1 }
    } else result.push(axis)
  }
  return result
}

/** y = x with borders of `value` (or of x's own elements, by mode). */
export function padDispatch(
  op: string,
  x: Tensor,
  y: Tensor,
  given: readonly PaddedAxis[],
  mode: (typeof padModes)[number],
  value: number,
  target: Target,
): Dispatch {
  const axes = mode === 'constant' ? joined(given) : given
  const outer = axes.slice(0, -1)
  const inner = axes[axes.length - 1]
  if (outer.length > maxOuterRank) throw new Error(`${op}: more than ${maxOuterRank + 1} dimensions, found ${show(y.shape)}`)
  const stepped = axes.some((axis) => axis.step !== 1)
  const width = mode === 'constant' && inner.step === 1 && [inner.out, inner.begin, inner.size].every((length) => length % 4 === 0) ? 4 : 1
  const strides = stridesOf(axes.map((axis) => axis.size)).slice(0, -1)
  const [out, begin, size] = [inner.out / width, inner.begin / width, inner.size / width]
  const lanes = Math.ceil(out / 4)
  const rows = elements(outer.map((axis) => axis.out))
  return {
    shader: padShader[width],
    operands: [x, y],
    params: {
      u32: [
        ...[rows, out, lanes, outer.length, stepped ? 4 : padModes.indexOf(mode), begin, size, inner.step],
        ...outerArray(
          outer.map((axis) => axis.out),
          1,
        ),
        ...outerArray(outer.map((axis) => axis.begin)),
        ...outerArray(
          outer.map((axis) => axis.size),
          1,
        ),
        ...outerArray(strides.map((stride) => stride / width)),
        ...outerArray(
          outer.map((axis) => axis.step),
          1,
        ),
      ],
      f32: [value],
    },
    workgroups: workgroups1d(rows * lanes, 64, target),
  }
}

/** The coordinate of x behind one of the padded tensor; undefined where there is none. */
function sourceOf({ before, mode }: ReturnType<typeof padsOf>, x: Shape) {
  const carry = (at: number, size: number) => {
    if (mode === 'edge') return Math.min(size - 1, Math.max(0, at))
    if (mode === 'wrap') return ((at % size) + size) % size
    if (mode === 'reflect') return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at
    return at
  }
  return (coordinate: readonly number[]) => {
    const at = coordinate.map((c, axis) => carry(c - before[axis], x[axis]))
    return at.every((q, axis) => q >= 0 && q < x[axis]) ? at : undefined
  }
}

const paddedShape = ({ before, after }: ReturnType<typeof padsOf>, x: Shape) => x.map((size, axis) => size + before[axis] + after[axis])

/** Pad(x) {pads, axes?, mode: 'constant'|'reflect'|'edge'|'wrap', value} -> y */
export const pad: Operation = {
  op: 'Pad',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    return [paddedShape(padsOf(this.op, attributes, x), x)]
  },
  dispatches(attributes, [x], [y], target) {
    const { before, mode } = padsOf(this.op, attributes, x!.shape)
    const axes = x!.shape.map((size, axis) => ({ out: y.shape[axis], begin: before[axis], size, step: 1 }))
    return [padDispatch(this.op, x!, y, axes, mode, numberAttribute(this.op, attributes, 'value', 0), target)]
  },
  reference(attributes, [x]) {
    const pads = padsOf(this.op, attributes, x!.shape)
    return [gather(x!, paddedShape(pads, x!.shape), sourceOf(pads, x!.shape), numberAttribute(this.op, attributes, 'value', 0))]
  },
  gradient(call, [dy], emit) {
    const inputShape = call.inputShapes[0]!
    const { before, after, mode } = padsOf('Pad', call.attributes, inputShape)
    if (mode !== 'constant') return emit('PadGradient', { ...call.attributes, inputShape }, [dy])
    return emit('Pad', { pads: [...before, ...after].map((count) => -count), mode, value: 0 }, [dy])
  },
}

/** PadGradient(dy) {Pad's, inputShape} -> dx, where x is padded with elements of its own: one axis after the other, each a gather. */
export const padGradient: Operation = {
  op: 'PadGradient',
  infer(attributes, inputs) {
    const x = shapeAttribute(this.op, attributes, 'inputShape')
    const pads = padsOf(this.op, attributes, x)
    if (pads.mode === 'constant') throw new Error(`${this.op}: constant padding reads no element, its gradient is Pad's with negative pads`)
    expectShape(this.op, 'dy', inputs[0], paddedShape(pads, x))
    return [[...x]]
  },
  dispatches(attributes, [dy], [dx], target) {
    const { before, after, mode } = padsOf(this.op, attributes, dx.shape)
    const axes = dx.shape.flatMap((_, axis) => (before[axis] || after[axis] ? [axis] : []))
    if (!axes.length) return [stridedDispatch(dy!, dx, { op: this.op, shape: dx.shape, strides: stridesOf(dx.shape) }, target)]
    let from = dy!
    return axes.map((axis, i) => {
      const shape = from.shape.map((size, other) => (other === axis ? dx.shape[axis] : size))
      const to = i === axes.length - 1 ? dx : scratch(`axis ${axis}`, shape)
      const params = [elements(shape), shape[axis], from.shape[axis], before[axis], elements(shape.slice(axis + 1)), padModes.indexOf(mode)]
      const dispatch = {
        shader: gradientShader,
        operands: [from, to],
        params: { u32: params },
        workgroups: workgroups1d(elements(shape), 64, target),
      }
      from = to
      return dispatch
    })
  },
  reference(attributes, [dy]) {
    const shape = shapeAttribute(this.op, attributes, 'inputShape')
    const source = sourceOf(padsOf(this.op, attributes, shape), shape)
    const data = new Float64Array(elements(shape))
    eachCoordinate(dy!.shape, (coordinate, i) => {
      const at = source(coordinate)
      if (at) data[indexOf(shape, at)] += dy!.data[i]
    })
    return [{ shape, data }]
  },
}
