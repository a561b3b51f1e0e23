/** Batch normalisation on the CPU device: a workgroup has whole channels, so that statistics and what is made of them are one dispatch. */
import { type Dispatch, elements, type Shader, type Shape, scratch, type Target, type Tensor, workgroups1d } from '../operation.js'
import type { FusedActivation } from './batch-normalization.reference.js'
import figures from './figures.wgsl'
import fused from './fused.wgsl'
import activation from './fused-activation.wgsl'
import gradient from './fused-gradient.wgsl'

const name = 'BatchNormalization'
const shader = (entryPoint: string, access: Shader['access']): Shader => ({
  name: `${name}.fused.${entryPoint}`,
  code: activation + fused,
  access,
  entryPoint,
})
const trainingShader = shader('training', ['read', 'read', 'read', 'write', 'read_write', 'read_write', 'write', 'write'])
const candidatesShader = shader('candidates', ['read', 'read', 'read', 'write', 'read'])
const inferenceShader = shader('inference', ['read', 'read', 'read', 'write', 'read', 'read'])
const figuresShader: Shader = { name: `${name}.figures`, code: figures, access: ['read', 'read', 'read', 'read', 'write'] }
const gradientShader: Shader = {
  name: `${name}.fused.gradient`,
  code: activation + gradient,
  access: ['read', 'read', 'read', 'write', 'write', 'write'],
  entryPoint: 'gradient',
}

const activations: readonly FusedActivation[] = ['none', 'relu', 'relu6']

/** Rows (channels of candidates) below which threads would be idle, elements up to which that does not matter, and elements worth a workgroup. */
const fewestRows = 8
const small = 65536
const worthwhile = 16384

/** Whether the CPU device takes x by whole channels. Planes of less than a vector are left to the other kernels. */
export function isFused(x: Shape, candidates: number, target: Target): boolean {
  const rows = candidates * x[1]
  return target.kind === 'cpu' && elements(x.slice(2)) >= 4 && (rows >= fewestRows || elements(x) <= small)
}

function work(x: Shape, candidates: number, target: Target) {
  const [images, channels] = [x[0] / candidates, x[1]]
  const plane = elements(x.slice(2))
  const rows = candidates * channels
  const each = Math.max(1, Math.min(Math.floor(worthwhile / (images * plane)), Math.ceil(rows / 32)))
  return { images, channels, plane, rows, each, workgroups: workgroups1d(rows, each, target) }
}

function dispatch(
  shader: Shader,
  operands: readonly (Tensor | undefined)[],
  given: number,
  {
    activation,
    candidates = 1,
    epsilon,
    momentum = 0,
  }: { activation: FusedActivation; candidates?: number; epsilon: number; momentum?: number },
  target: Target,
): Dispatch {
  const { images, channels, plane, rows, each, workgroups } = work(operands[0]!.shape, candidates, target)
  return {
    shader,
    constants: { ACTIVATION: activations.indexOf(activation) },
    operands,
    params: { u32: [images, channels, plane, rows, each, given], f32: [epsilon, momentum] },
    workgroups,
  }
}

type Options = Parameters<typeof dispatch>[3]

/** Operands: x, scale, bias, y, runningMean, runningVar, mean, invStd. */
export const fusedTraining = (operands: readonly Tensor[], options: Options, target: Target): Dispatch =>
  dispatch(trainingShader, operands, 3, options, target)

const present = (scale?: Tensor, bias?: Tensor, third?: Tensor) => (scale ? 1 : 0) | (bias ? 2 : 0) | (third ? 4 : 0)

/** Operands: x, scale, bias, y, mask. */
export function fusedCandidates(operands: readonly (Tensor | undefined)[], options: Options, target: Target): Dispatch {
  const [, scale, bias, , mask] = operands
  return dispatch(candidatesShader, operands, present(scale, bias, mask), options, target)
}

/** Operands: x, scale, bias, y, mean, variance. */
export function fusedInference(operands: readonly (Tensor | undefined)[], options: Options, target: Target): Dispatch {
  const [, scale, bias, , mean] = operands
  return dispatch(inferenceShader, operands, present(scale, bias, mean), options, target)
}

/** Inputs: x, dy, scale, bias, mean, invStd; outputs: dx, dscale, dbias. */
export function fusedGradient(
  [x, dy, ...vectors]: readonly Tensor[],
  outputs: readonly Tensor[],
  activation: FusedActivation,
  target: Target,
): Dispatch[] {
  const { images, channels, plane, each, workgroups } = work(x.shape, 1, target)
  const table = scratch('figures', [channels, 4])
  return [
    { shader: figuresShader, operands: [...vectors, table], params: { u32: [channels] }, workgroups: [1, 1, 1] },
    {
      shader: gradientShader,
      constants: { ACTIVATION: activations.indexOf(activation) },
      operands: [x, dy, table, ...outputs],
      params: { u32: [images, channels, plane, each] },
      workgroups,
    },
  ]
}
