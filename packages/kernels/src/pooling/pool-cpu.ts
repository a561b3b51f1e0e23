/** Pooling and its gradients on the CPU device (pool-cpu.wgsl). */
import type { Dispatch, Shader, Shape, Target, Tensor } from '../operation.js'
import { workgroups1d } from '../operation.js'
import code from './pool-cpu.wgsl'
import outCode from './pool-cpu-out.wgsl'
import pairsCode from './pool-cpu-pairs.wgsl'
import type { Window } from './window.js'

const forward: Shader = { name: 'Pool.cpu', code: code + outCode, access: ['read', 'write', 'write'], entryPoint: 'forward' }
const gradient: Shader = { name: 'Pool.cpu.gradient', code: code + outCode, access: ['read', 'read', 'write'], entryPoint: 'gradient' }
const gradientInPairs: Shader = { ...gradient, code: code + pairsCode }

/** Sizes of the copy in elements: up to 120 KiB, as the gradient has two. */
const tiles = [512, 2048, 8192, 30000]
/** Elements of x that are worth a workgroup. */
const worthwhile = 16384

/** How the copy of a plane lies. */
function copyOf([, , height, width]: Shape, { kernel, strides, dilations, pads, output }: Window) {
  const [stride] = [strides[1]]
  const reach = stride === 1 ? (kernel[1] - 1) * dilations[1] : Math.floor((kernel[1] - 1) / stride)
  const phase = Math.max(Math.ceil((pads[1] + width) / stride), 4 * Math.ceil(output[1] / 4) + reach) + 1
  const pitch = stride * phase
  const rows = (output[0] - 1) * strides[0] + (kernel[0] - 1) * dilations[0] + 1
  const copied = Math.min(height, rows - pads[0])
  const size = 4 * Math.ceil((rows * pitch) / 4)
  return { phase, pitch, copied, size, tile: tiles.find((most) => most >= size + output[1] + 4) }
}

/** Whether these kernels compute it: rows of outputs that have a vector, windows that read neighbours. */
export function isPoolCpu(x: Shape, window: Window, target: Target): boolean {
  const { strides, dilations, output } = window
  if (target.kind !== 'cpu' || output[1] < 4 || (strides[1] > 1 && dilations[1] > 1)) return false
  const { copied, tile } = copyOf(x, window)
  return tile !== undefined && copied >= 0
}

function dispatch(
  shader: Shader,
  maxima: boolean,
  x: Shape,
  window: Window,
  counts: readonly number[],
  operands: Dispatch['operands'],
  target: Target,
): Dispatch {
  // prettier-ignore
  const { kernel, strides, dilations, pads, output } = window
  const [images, channels, height, width] = x
  const { phase, pitch, copied, size, tile } = copyOf(x, window)
  const planes = images * channels
  const each = Math.max(1, Math.min(Math.floor(worthwhile / (height * width)), Math.ceil(planes / 32)))
  const sizes = [planes, height, width, ...output, ...kernel, strides[0], ...dilations, pads[0], pads[1], pitch, phase, copied, size, each]
  return {
    shader,
    constants: { STRIDE: strides[1], KERNEL: kernel[1] <= 3 ? kernel[1] : 0, TILE: tile!, MAXIMA: maxima ? 1 : 0 },
    operands,
    params: { u32: [...sizes, ...counts] },
    workgroups: workgroups1d(planes, each, target),
  }
}

/** MaxPool, or AveragePool with bounds of what counts. */
export const poolCpu = (x: Tensor, y: Tensor, window: Window, counts: readonly number[] | undefined, target: Target): Dispatch =>
  dispatch(forward, counts === undefined, x.shape, window, counts ?? [0, 0, 0, 0], [x, y, undefined], target)

/** Their gradients; x of MaxPool's. */
export function poolCpuGradient(
  x: Tensor | undefined,
  dy: Tensor,
  dx: Tensor,
  window: Window,
  counts: readonly number[] | undefined,
  target: Target,
): Dispatch {
  const shader = window.strides[1] === 2 && dx.shape[3] % 2 === 0 ? gradientInPairs : gradient
  return dispatch(shader, x !== undefined, dx.shape, window, counts ?? [0, 0, 0, 0], [x, dy, dx], target)
}
