import { choiceAttribute, expectShape, inputShape, integerAttribute, numberAttribute } from '../checks.js'
import { maskChannels } from '../mask/mask.reference.js'
import {
  type Attributes,
  type Dispatch,
  elements,
  type NdArray,
  type Operation,
  type Shape,
  scratch,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { bothWidths, lanesFor, widthOf } from '../vectors.js'
import apply from './apply.wgsl'
import { channelStatistics, type FusedActivation, normalize, normalizeGradient } from './batch-normalization.reference.js'
import combine from './combine.wgsl'
import combineCandidates from './combine-candidates.wgsl'
import { fusedCandidates, fusedGradient, fusedInference, fusedTraining, isFused } from './fused.js'
import gradientApply from './gradient-apply.wgsl'
import gradientCombine from './gradient-combine.wgsl'
import gradientSums from './gradient-sums.wgsl'
import moments from './moments.wgsl'
import statistics from './statistics.wgsl'

const name = 'BatchNormalization'
const statisticsShader = bothWidths(`${name}.statistics`, statistics, ['read', 'write', 'write'])
const combineShader = {
  name: `${name}.combine`,
  code: moments + combine,
  access: ['read', 'read', 'read_write', 'read_write', 'write', 'write'],
} as const
const combineCandidatesShader = {
  name: `${name}.combineCandidates`,
  code: moments + combineCandidates,
  access: ['read', 'read', 'write', 'write'],
} as const
const applyShader = bothWidths(`${name}.apply`, apply, ['read', 'read', 'read', 'read', 'read', 'read', 'write'])
const gradientSumsShader = bothWidths(`${name}.gradientSums`, gradientSums, ['read', 'read', 'read', 'read', 'read', 'read', 'write'])
const gradientCombineShader = {
  name: `${name}.gradientCombine`,
  code: gradientCombine,
  access: ['read', 'read', 'read', 'read', 'read', 'write', 'write', 'write'],
} as const
const gradientApplyShader = bothWidths(`${name}.gradientApply`, gradientApply, ['read', 'read', 'read', 'write'])

const fusedActivations = ['none', 'relu', 'relu6'] as const

function activationOf(op: string, attributes: Attributes): FusedActivation {
  return choiceAttribute(op, attributes, 'activation', fusedActivations, 'none')
}

/** Checks x and the vectors, one value per channel each, that follow it from input `from` on. */
function checkChannels(op: string, inputs: readonly (Shape | undefined)[], from: number, vectors: readonly string[]): Shape {
  const x = inputShape(op, inputs, 0, 'x')
  if (x.length < 2) throw new Error(`${op}: x must have at least 2 dimensions [N, C, ...], found [${x.join(', ')}]`)
  vectors.forEach((vector, i) => inputs[from + i] && expectShape(op, vector, inputs[from + i], [x[1]]))
  return x
}

/** x as images x channels x vectors, and how invocations share the planes. */
function planesOf(x: Shape, target: Target) {
  const [images, channels] = x
  const plane = elements(x.slice(2))
  const width = widthOf(plane)
  const vectors = plane / width
  // Statistics: on a GPU many lanes with a few vectors each; on a CPU few invocations that each read about 1000 elements.
  const hardware = target.kind === 'hardware'
  const lanes = hardware ? lanesFor(vectors, 64) : 1
  const vectorsPerLane = hardware ? 16 : Math.max(16, Math.min(1024 / width, Math.ceil((images * channels * vectors) / 512)))
  const imagesPerPart = Math.min(images, Math.max(1, Math.floor((vectorsPerLane * lanes) / vectors)))
  const parts = Math.ceil(images / imagesPerPart)
  return {
    images,
    channels,
    plane,
    width,
    vectors,
    lanes,
    imagesPerPart,
    parts,
    entriesPerPart: lanes * width,
    combineLanes: hardware ? 64 : 1,
  }
}

/** Invocations that share a plane where every vector is visited once: about 16 vectors each. */
function applyLanes(vectors: number): number {
  return lanesFor(vectors, Math.ceil(vectors / 16))
}

interface Vectors {
  readonly scale?: Tensor
  readonly bias?: Tensor
  readonly mean?: Tensor
  /** invStd, or variances when `epsilon` is given. */
  readonly invStd: Tensor
  readonly epsilon?: number
  readonly mask?: Tensor
  /** Where mean and invStd are not those of channels but of so many planes that follow one another. */
  readonly runsPerRow?: number
}

/** y = activation((x - mean) invStd scale + bias) mask; `shape` is how x is seen, [images, channels, ...]. */
export function applyDispatch(
  x: Tensor,
  y: Tensor,
  { scale, bias, mean, invStd, epsilon, mask, runsPerRow }: Vectors,
  activation: FusedActivation,
  target: Target,
  candidates = 1,
  shape = x.shape,
): Dispatch {
  const { images, channels, width, vectors } = planesOf(shape, target)
  const planes = images * channels
  const lanes = applyLanes(vectors)
  const given =
    (scale ? 1 : 0) | (bias ? 2 : 0) | (mean ? 4 : 0) | (epsilon === undefined ? 0 : 8) | (mask ? 16 : 0) | (runsPerRow ? 32 : 0)
  return {
    shader: applyShader[width],
    operands: [x, scale, bias, mean, invStd, mask, y],
    params: {
      u32: [channels, planes, vectors, lanes, fusedActivations.indexOf(activation), given, runsPerRow ?? planes / candidates],
      f32: [epsilon ?? 0],
    },
    workgroups: workgroups1d(planes * lanes, 64, target),
  }
}

/**
 * BatchNormalization(x [N, C, ...], scale?, bias?, mean?, var) {epsilon, activation?} -> y: inference, with running statistics.
 * Absent scale, bias and mean count as 1, 0 and 0. The gradient reaches x, scale and bias; the statistics are constants.
 */
export const batchNormalization: Operation = {
  op: name,
  infer(attributes, inputs) {
    const x = checkChannels(name, inputs, 1, ['scale', 'bias', 'mean', 'var'])
    activationOf(name, attributes)
    numberAttribute(name, attributes, 'epsilon', 1e-5)
    inputShape(name, inputs, 4, 'var', 1)
    return [[...x]]
  },
  dispatches(attributes, [x, scale, bias, mean, variance], [y], target) {
    const epsilon = numberAttribute(name, attributes, 'epsilon', 1e-5)
    if (isFused(x!.shape, 1, target))
      return [fusedInference([x, scale, bias, y, mean, variance], { activation: activationOf(name, attributes), epsilon }, target)]
    return [applyDispatch(x!, y, { scale, bias, mean, invStd: variance!, epsilon }, activationOf(name, attributes), target)]
  },
  reference(attributes, [x, scale, bias, mean, variance]) {
    const epsilon = numberAttribute(name, attributes, 'epsilon', 1e-5)
    const invStd = (channel: number) => 1 / Math.sqrt(variance!.data[channel] + epsilon)
    return [normalize(x!, { scale, bias, mean, invStd }, activationOf(name, attributes))]
  },
  gradient({ attributes, inputs, outputs, inputShapes, wanted }, [dy], emit) {
    const [x, scale, , mean, variance] = inputs
    const { epsilon = 1e-5, activation = 'none' } = attributes
    const inner =
      activation === 'none' ? dy : emit(activation === 'relu' ? 'ReluGradient' : 'ClipGradient', { min: 0, max: 6 }, [outputs[0], dy])[0]
    const channels = inputShapes[0]![1]
    const perChannel = (values: string | undefined) => {
      const column = [1, channels, ...inputShapes[0]!.slice(2).map(() => 1)]
      return emit('Reshape', { shape: [channels] }, [emit('SumTo', { shape: column }, [values])[0]])[0]
    }
    const normalized = (values: string | undefined, factors: (string | undefined)[]) =>
      emit(name, { epsilon }, [values, ...factors, variance])[0]
    return [
      wanted[0] ? normalized(inner, [scale, undefined, undefined]) : undefined,
      wanted[1] ? perChannel(emit('Mul', {}, [inner, normalized(x, [undefined, undefined, mean])])[0]) : undefined,
      wanted[2] ? perChannel(inner) : undefined,
      undefined,
      undefined,
    ]
  },
}

/** The first half of the statistics of every channel of every candidate, and what its combination needs. */
function statisticsDispatch(x: Tensor, shape: Shape, candidates: number, target: Target) {
  const [all, channels, ...spatial] = shape
  const images = all / candidates
  const plan = planesOf([images, channels, ...spatial], target)
  const { width, vectors, lanes, imagesPerPart, parts, entriesPerPart, combineLanes } = plan
  const entries = parts * entriesPerPart
  const rows = candidates * channels
  const means = scratch('means', [rows, entries])
  const squares = scratch('squares', [rows, entries])
  const lastImages = images - (parts - 1) * imagesPerPart
  const countPerImage = vectors / lanes
  const gather: Dispatch = {
    shader: statisticsShader[width],
    operands: [x, means, squares],
    params: { u32: [images, channels, vectors, lanes, imagesPerPart, parts, candidates] },
    workgroups: workgroups1d(parts * rows * lanes, 64, target),
  }
  const combined = (epsilon: number, momentum: number): Pick<Dispatch, 'constants' | 'params' | 'workgroups'> => ({
    constants: { lanes: combineLanes },
    params: {
      u32: [rows, entries, entriesPerPart, parts, imagesPerPart * countPerImage, lastImages * countPerImage],
      f32: [epsilon, momentum],
    },
    workgroups: workgroups1d(rows, 1, target),
  })
  return { means, squares, gather, combined }
}

/** Mean and invStd, [candidates, C] each, of every channel of every candidate of x, seen as `shape` [candidates * B, C, ...]. */
export function momentsDispatches(
  x: Tensor,
  shape: Shape,
  candidates: number,
  mean: Tensor,
  invStd: Tensor,
  epsilon: number,
  target: Target,
): Dispatch[] {
  const { means, squares, gather, combined } = statisticsDispatch(x, shape, candidates, target)
  return [gather, { shader: combineCandidatesShader, operands: [means, squares, mean, invStd], ...combined(epsilon, 1) }]
}

/**
 * BatchNormalizationTraining(x [N, C, ...], scale, bias, runningMean, runningVar) {epsilon, momentum, activation?} -> y, mean [C], invStd [C].
 * Normalises with the batch's own (biased) variance; running = momentum running + (1 - momentum) batch, the variance unbiased as in PyTorch.
 */
export const batchNormalizationTraining: Operation = {
  op: `${name}Training`,
  updates: [3, 4],
  infer(attributes, inputs) {
    const vectors = ['scale', 'bias', 'runningMean', 'runningVar']
    const x = checkChannels(this.op, inputs, 1, vectors)
    vectors.forEach((vector, i) => inputShape(this.op, inputs, i + 1, vector, 1))
    activationOf(this.op, attributes)
    numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    numberAttribute(this.op, attributes, 'momentum', 0.9)
    return [[...x], [x[1]], [x[1]]]
  },
  dispatches(attributes, [x, scale, bias, runningMean, runningVar], [y, mean, invStd], target) {
    const epsilon = numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    const momentum = numberAttribute(this.op, attributes, 'momentum', 0.9)
    const activation = activationOf(this.op, attributes)
    if (isFused(x!.shape, 1, target)) {
      const operands = [x!, scale!, bias!, y, runningMean!, runningVar!, mean, invStd]
      return [fusedTraining(operands, { activation, epsilon, momentum }, target)]
    }
    const { means, squares, gather, combined } = statisticsDispatch(x!, x!.shape, 1, target)
    return [
      gather,
      {
        shader: combineShader,
        operands: [means, squares, runningMean, runningVar, mean, invStd],
        ...combined(epsilon, momentum),
      },
      applyDispatch(x!, y, { scale, bias, mean, invStd }, activation, target),
    ]
  },
  reference(attributes, [x, scale, bias, runningMean, runningVar]) {
    const epsilon = numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    const momentum = numberAttribute(this.op, attributes, 'momentum', 0.9)
    const { mean, variance, count } = channelStatistics(x!)
    const invStd = variance.map((value) => 1 / Math.sqrt(value + epsilon))
    const shape = scale!.shape
    const y = normalize(
      x!,
      { scale, bias, mean: { shape, data: mean }, invStd: (channel) => invStd[channel] },
      activationOf(this.op, attributes),
    )
    const moved = (running: NdArray, batch: (channel: number) => number): NdArray => ({
      shape,
      data: running.data.map((value, channel) => value * momentum + batch(channel) * (1 - momentum)),
    })
    return [
      y,
      { shape, data: mean },
      { shape, data: invStd },
      moved(runningMean!, (channel) => mean[channel]),
      moved(runningVar!, (channel) => (variance[channel] * count) / Math.max(1, count - 1)),
    ]
  },
  gradient({ attributes, inputs: [x, scale, bias], outputs: [, mean, invStd] }, [dy], emit) {
    const [dx, dscale, dbias] = emit(`${name}Gradient`, { activation: attributes.activation ?? 'none' }, [x, dy, scale, bias, mean, invStd])
    return [dx, dscale, dbias, undefined, undefined]
  },
}

const candidatesOf = (attributes: Attributes) => integerAttribute(`Candidate${name}`, attributes, 'candidates', 1, 1)

/**
 * CandidateBatchNormalization(x [P*B, C, ...], scale?, bias?, mask [P, C]?) {candidates: P, epsilon, activation?} -> y: inference with the statistics
 * that each candidate's own B images have, as if its running statistics had been gathered anew (adaptive batch normalisation, arXiv 2007.02491).
 * The mask, where there is one, multiplies y.
 */
export const candidateBatchNormalization: Operation = {
  op: `Candidate${name}`,
  infer(attributes, inputs) {
    const x = checkChannels(this.op, inputs, 1, ['scale', 'bias'])
    const candidates = candidatesOf(attributes)
    if (inputs[3]) expectShape(this.op, 'mask', inputs[3], [candidates, x[1]])
    if (x[0] % candidates) throw new Error(`${this.op}: a batch of ${x[0]} is not a multiple of ${candidates} candidates`)
    activationOf(this.op, attributes)
    numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    return [[...x]]
  },
  dispatches(attributes, [x, scale, bias, mask], [y], target) {
    const candidates = candidatesOf(attributes)
    const epsilon = numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    const activation = activationOf(this.op, attributes)
    if (isFused(x!.shape, candidates, target))
      return [fusedCandidates([x, scale, bias, y, mask], { activation, candidates, epsilon }, target)]
    const mean = scratch('mean', [candidates, x!.shape[1]])
    const invStd = scratch('invStd', [candidates, x!.shape[1]])
    return [
      ...momentsDispatches(x!, x!.shape, candidates, mean, invStd, epsilon, target),
      applyDispatch(x!, y, { scale, bias, mean, invStd, mask }, activation, target, candidates),
    ]
  },
  reference(attributes, [x, scale, bias, mask]) {
    const candidates = candidatesOf(attributes)
    const epsilon = numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    const size = x!.data.length / candidates
    const data = new Float64Array(x!.data.length)
    for (let p = 0; p < candidates; p++) {
      const own = { shape: [x!.shape[0] / candidates, ...x!.shape.slice(1)], data: x!.data.subarray(p * size, (p + 1) * size) }
      const { mean, variance } = channelStatistics(own)
      const invStd = (channel: number) => 1 / Math.sqrt(variance[channel] + epsilon)
      const centre = { shape: [mean.length], data: mean }
      data.set(normalize(own, { scale, bias, mean: centre, invStd }, activationOf(this.op, attributes)).data, p * size)
    }
    const y = { shape: x!.shape, data }
    return [mask ? maskChannels(y, mask, false) : y]
  },
}

/** BatchNormalizationGradient(x, dy, scale, bias, mean, invStd) {activation?} -> dx, dscale [C], dbias [C] */
export const batchNormalizationGradient: Operation = {
  op: `${name}Gradient`,
  infer(attributes, inputs) {
    const vectors = ['scale', 'bias', 'mean', 'invStd']
    const x = checkChannels(this.op, inputs, 2, vectors)
    activationOf(this.op, attributes)
    expectShape(this.op, 'dy', inputs[1], x)
    vectors.forEach((vector, i) => inputShape(this.op, inputs, i + 2, vector, 1))
    return [[...x], [x[1]], [x[1]]]
  },
  dispatches(attributes, [x, dy, scale, bias, mean, invStd], [dx, dscale, dbias], target) {
    if (isFused(x!.shape, 1, target))
      return fusedGradient([x!, dy!, scale!, bias!, mean!, invStd!], [dx, dscale, dbias], activationOf(this.op, attributes), target)
    const { images, channels, plane, width, vectors, lanes, imagesPerPart, parts, entriesPerPart, combineLanes } = planesOf(
      x!.shape,
      target,
    )
    const activation = fusedActivations.indexOf(activationOf(this.op, attributes))
    const entries = parts * entriesPerPart
    const sums = scratch('sums', [2, channels, entries])
    const coefficients = scratch('coefficients', [channels, 5])
    const perPlane = applyLanes(vectors)
    return [
      {
        shader: gradientSumsShader[width],
        operands: [x, dy, scale, bias, mean, invStd, sums],
        params: { u32: [images, channels, vectors, lanes, imagesPerPart, parts, activation] },
        workgroups: workgroups1d(parts * channels * lanes, 64, target),
      },
      {
        shader: gradientCombineShader,
        constants: { lanes: combineLanes },
        operands: [sums, scale, bias, mean, invStd, dscale, dbias, coefficients],
        params: { u32: [channels, entries, images * plane] },
        workgroups: [channels, 1, 1],
      },
      {
        shader: gradientApplyShader[width],
        operands: [x, dy, coefficients, dx],
        params: { u32: [channels, images * channels, vectors, perPlane, activation] },
        workgroups: workgroups1d(images * channels * perPlane, 64, target),
      },
    ]
  },
  reference(attributes, [x, dy, scale, bias, mean, invStd]) {
    return normalizeGradient(x!, dy!, { scale: scale!, bias: bias!, mean: mean!, invStd: invStd! }, activationOf(this.op, attributes))
  },
}
