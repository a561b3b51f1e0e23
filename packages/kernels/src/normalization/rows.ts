/** Rows of a tensor brought to mean 0 and variance 1: what instance, group and layer normalisation share. */
import { applyDispatch, momentsDispatches } from '../batch-normalization/batch-normalization.js'
import { type Dispatch, elements, type Shader, scratch, type Target, type Tensor, workgroups1d } from '../operation.js'
import { sumDispatches } from '../reduce/reduce.js'
import { bothWidths, lanesFor, widthOf } from '../vectors.js'
import applyRows from './apply-rows.wgsl'
import rowGradient from './row-gradient.wgsl'

/** A tensor as `rows` of `length` elements; every `inner` of them share an entry of scale and bias: run p of the tensor has entry p % affine. */
export interface Rows {
  readonly rows: number
  readonly length: number
  readonly inner: number
  readonly affine: number
}

const applyShader = bothWidths('normalization.rows', applyRows, ['read', 'read', 'read', 'read', 'read', 'write'])

function gradientShader(entryPoint: string, written: readonly number[]): Shader {
  const access = Array.from({ length: 8 }, (_, i) => (written.includes(i) ? ('write' as const) : ('read' as const)))
  return { name: `normalization.${entryPoint}`, code: rowGradient, access, entryPoint }
}
const rowSums = gradientShader('rowSums', [5])
const inputGradient = gradientShader('inputGradient', [6])
const affineParts = gradientShader('affineParts', [6, 7])

/** Mean and 1 / sqrt(variance + epsilon) of every row. */
function rowMoments(x: Tensor, { rows, length }: Rows, epsilon: number, target: Target) {
  const mean = scratch('mean', [rows])
  const invStd = scratch('invStd', [rows])
  // As the images of one candidate each, in pieces small enough that a few long rows keep a GPU busy.
  const pieces = lanesFor(length / widthOf(length), Math.ceil(length / 1024))
  const shape = [rows * pieces, 1, length / pieces]
  return { mean, invStd, dispatches: momentsDispatches(x, shape, rows, mean, invStd, epsilon, target) }
}

export function normalizeDispatches(
  x: Tensor,
  scale: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  view: Rows,
  epsilon: number,
  target: Target,
): Dispatch[] {
  const { mean, invStd, dispatches } = rowMoments(x, view, epsilon, target)
  const { rows, length, inner, affine } = view
  if (inner > 1 || affine !== length) {
    const shape = [elements(x.shape) / affine / inner, affine, inner]
    const statistics = { mean, invStd, runsPerRow: length / inner }
    return [...dispatches, applyDispatch(x, y, { scale, bias, ...statistics }, 'none', target, 1, shape)]
  }
  const width = widthOf(length)
  const lanes = Math.ceil(length / width / 16)
  const apply = {
    shader: applyShader[width],
    operands: [x, scale, bias, mean, invStd, y],
    params: { u32: [rows, length / width, lanes, bias ? 1 : 0] },
    workgroups: workgroups1d(rows * lanes, 64, target),
  }
  return [...dispatches, apply]
}

export function normalizeGradientDispatches(
  x: Tensor,
  dy: Tensor,
  scale: Tensor,
  [dx, dscale, dbias]: readonly Tensor[],
  view: Rows,
  epsilon: number,
  target: Target,
): Dispatch[] {
  const { mean, invStd, dispatches } = rowMoments(x, view, epsilon, target)
  const { rows, length, inner, affine } = view
  const segments = length / inner
  const each = target.kind === 'hardware' ? 32 : 1024
  const innerLanes = Math.min(64, Math.ceil(inner / each))
  const segmentLanes = Math.min(Math.floor(64 / innerLanes), Math.ceil(segments / Math.max(1, Math.floor(each / inner))))
  const lanes = innerLanes * segmentLanes
  const runs = (rows * segments) / affine
  const parts = Math.min(runs, Math.ceil((target.kind === 'hardware' ? 65536 : 256) / affine))
  const params = { u32: [rows, segments, inner, affine, segmentLanes, innerLanes, parts, runs] }
  const sums = scratch('sums', [rows, lanes, 2])
  const ofScale = scratch('parts of dscale', [parts, affine])
  const ofBias = scratch('parts of dbias', [parts, affine])
  const dispatch = (shader: Shader, invocations: number, ...written: (Tensor | undefined)[]): Dispatch => ({
    shader,
    operands: [x, dy, scale, mean, invStd, ...written],
    params,
    workgroups: workgroups1d(invocations, 64, target),
  })
  return [
    ...dispatches,
    dispatch(rowSums, rows * lanes, sums, undefined, undefined),
    dispatch(inputGradient, rows * lanes, sums, dx, undefined),
    dispatch(affineParts, parts * affine, undefined, ofScale, ofBias),
    ...sumDispatches(ofScale, dscale, [1, affine], 1, target),
    ...sumDispatches(ofBias, dbias, [1, affine], 1, target),
  ]
}
