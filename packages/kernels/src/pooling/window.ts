import { integerAttribute, integersAttribute } from '../checks.js'
import type { Attributes, Shape } from '../operation.js'

/** A pooling window over NCHW, everything explicit. */
export interface Window {
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number]
  readonly ceil: boolean
  readonly countPad: boolean
  readonly output: readonly [number, number]
}

/** ONNX's output size; in ceil mode the last window must begin inside of the input or its leading padding. */
function windowCount(
  op: string,
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  begin: number,
  end: number,
  ceil: boolean,
): number {
  const span = (kernel - 1) * dilation + 1
  const free = size + begin + end - span
  if (free < 0) throw new Error(`${op}: a window of ${span} does not fit into ${size} with padding ${begin} + ${end}`)
  const count = (ceil ? Math.ceil(free / stride) : Math.floor(free / stride)) + 1
  return ceil && (count - 1) * stride >= size + begin ? count - 1 : count
}

export function windowOf(op: string, attributes: Attributes, x: Shape): Window {
  const pair = (name: string, fallback?: readonly number[]) => {
    const value = integersAttribute(op, attributes, name, fallback, 2)
    if (value.some((item) => item < 1)) throw new Error(`${op}: attribute '${name}' must be positive, found [${value.join(', ')}]`)
    return value as unknown as readonly [number, number]
  }
  const kernel = pair('kernel_shape')
  const strides = pair('strides', [1, 1])
  const dilations = pair('dilations', [1, 1])
  const pads = integersAttribute(op, attributes, 'pads', [0, 0, 0, 0], 4) as unknown as Window['pads']
  for (const axis of [0, 1]) {
    const span = (kernel[axis] - 1) * dilations[axis] + 1
    const most = Math.max(pads[axis], pads[axis + 2])
    if (Math.min(pads[axis], pads[axis + 2]) < 0 || most >= span) {
      throw new Error(`${op}: pads [${pads.join(', ')}] must be at least 0 and less than the window [${kernel.join(', ')}]`)
    }
  }
  const ceil = integerAttribute(op, attributes, 'ceil_mode', 0) !== 0
  const output = [0, 1].map((axis) =>
    windowCount(op, x[2 + axis], kernel[axis], strides[axis], dilations[axis], pads[axis], pads[axis + 2], ceil),
  )
  return {
    kernel,
    strides,
    dilations,
    pads,
    ceil,
    countPad: integerAttribute(op, attributes, 'count_include_pad', 0) !== 0,
    output: [output[0], output[1]],
  }
}
