/**
 * Each ONNX operator, as opsets 6 to 22 have written it, in the one form that a `Graph` holds: every attribute explicit, constants
 * that are parameters (bounds, shapes, axes) as attributes, padding as numbers.
 */
import type { Attributes } from '@espalier/kernels'
import type { Call, Lanes } from './call.js'
import { normalizeAxis } from './shapes.js'
import { highestRank } from './tensors.js'

/** What a node becomes: nodes in order, the last of which makes its outputs, or nothing but another name for one of its inputs. */
export type Normalized = readonly Draft[] | { readonly alias: string }

export interface Draft {
  readonly op: string
  /** Tensors by name, or by number the output of an earlier draft. */
  readonly inputs: readonly (string | number)[]
  readonly attributes: Attributes
}

type Rule = (call: Call) => Normalized

const float32Max = 3.4028234663852886e38
const round = Math.fround

const one = (call: Call, attributes: Attributes, inputs: readonly string[] = call.inputs, op = call.op): readonly Draft[] => [
  { op, inputs, attributes },
]

/** Other inputs have become attributes. */
const only = (call: Call, attributes: Attributes, op?: string): readonly Draft[] => one(call, attributes, call.inputs.slice(0, 1), op)

/** Parameters of Clip and Pad become float32. */
const floatOnly = (call: Call): void => {
  const type = call.lanes(0)?.[0].type
  if (type && type !== 'float32') call.refuse('a float32 input', type)
}

const repeated = (value: number, length: number): number[] => new Array<number>(length).fill(value)

const axesOf = (call: Call, axes: readonly number[], extra = 0): number[] => {
  const rank = call.shape(0)?.length
  if (rank === undefined) return [...axes]
  const all = axes.map((axis) => normalizeAxis(axis, rank + extra))
  if (!all.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank + extra))
    call.refuse(`axes from ${-rank - extra} to ${rank + extra - 1}`, `[${axes}]`)
  return all
}

/** Explicit pads [begin..., end...] of a window; SAME keeps ceil(size / stride) outputs (ONNX, auto_pad of Conv). */
function padsOf(call: Call, kernel: readonly number[], strides: readonly number[], dilations: readonly number[]): readonly number[] {
  const mode = call.string('auto_pad', 'NOTSET')
  if (mode === 'VALID') return repeated(0, 2 * kernel.length)
  if (mode === 'NOTSET') return call.numbers('pads') ?? repeated(0, 2 * kernel.length)
  if (mode !== 'SAME_UPPER' && mode !== 'SAME_LOWER') call.refuse('auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER', mode)
  const total = kernel.map((size, i) => {
    const extent = call.shape(0)?.[i + 2]
    if (extent === undefined) return call.refuse('an input of known height and width, to resolve auto_pad', 'unknown')
    return Math.max(0, (Math.ceil(extent / strides[i]) - 1) * strides[i] + dilations[i] * (size - 1) + 1 - extent)
  })
  const [low, high] = [total.map((pad) => Math.floor(pad / 2)), total.map((pad) => Math.ceil(pad / 2))]
  return mode === 'SAME_UPPER' ? [...low, ...high] : [...high, ...low]
}

function windowOf(call: Call, kernel: readonly number[]) {
  const strides = call.numbers('strides') ?? repeated(1, kernel.length)
  const dilations = call.numbers('dilations') ?? repeated(1, kernel.length)
  const pads = padsOf(call, kernel, strides, dilations)
  if (strides.length !== kernel.length || dilations.length !== kernel.length || pads.length !== 2 * kernel.length)
    call.refuse(`strides, dilations and pads for ${kernel.length} axes`, `[${strides}], [${dilations}], [${pads}]`)
  if (strides.some((stride) => stride < 1) || dilations.some((dilation) => dilation < 1) || kernel.some((size) => size < 1))
    call.refuse('kernel sizes, strides and dilations from 1 up', `[${kernel}], [${strides}], [${dilations}]`)
  return { kernel_shape: kernel, strides, pads, dilations }
}

function kernelOf(call: Call): readonly number[] {
  const given = call.numbers('kernel_shape')
  const weight = call.shape(1)?.slice(2)
  if (given && weight && given.join() !== weight.join()) call.refuse(`kernel_shape [${weight}] as the weights have it`, `[${given}]`)
  return given ?? (weight as number[] | undefined) ?? call.refuse('weights of known shape', `'${call.inputs[1]}'`)
}

/** Lists of one axis's values per window attribute, as those of two axes of which the first has size 1. */
const lifts: Readonly<Record<string, (values: readonly number[]) => readonly number[]>> = {
  kernel_shape: ([size]) => [1, size],
  strides: ([stride]) => [1, stride],
  dilations: ([dilation]) => [1, dilation],
  output_padding: ([extra]) => [0, extra],
  pads: ([begin, end]) => [0, begin, 0, end],
}

/** Windows over signals [N, C, L] as windows over images [N, C, 1, L]: views of the tensors, and kernels of one rank only. */
function windowed(call: Call, attributes: Attributes, op = call.op): readonly Draft[] {
  const rank = (attributes.kernel_shape as readonly number[] | undefined)?.length ?? call.shape(0)!.length - 2
  if (rank !== 1) return one(call, attributes, call.inputs, op)
  if (call.outputs.slice(1).some(Boolean)) call.refuse('one output', `'${call.outputs[1]}'`)
  const lifted = Object.entries(attributes).map(([name, value]) => [name, name in lifts ? lifts[name](value as number[]) : value] as const)
  const [x, w, ...rest] = call.inputs
  const spread: Draft[] = [x, ...(w ? [w] : [])].map((input) => ({ op: 'Unsqueeze', inputs: [input], attributes: { axes: [2] } }))
  return [
    ...spread,
    { op, inputs: [...spread.keys(), ...rest], attributes: Object.fromEntries(lifted) },
    { op: 'Squeeze', inputs: [spread.length], attributes: { axes: [2] } },
  ]
}

const conv: Rule = (call) => windowed(call, { ...windowOf(call, kernelOf(call)), group: call.number('group', 1) })

const convTranspose: Rule = (call) => {
  const kernel = kernelOf(call)
  const strides = call.numbers('strides') ?? repeated(1, kernel.length)
  const dilations = call.numbers('dilations') ?? repeated(1, kernel.length)
  const extra = call.numbers('output_padding') ?? repeated(0, kernel.length)
  const mode = call.string('auto_pad', 'NOTSET')
  const same = mode.startsWith('SAME')
  const target = call.numbers('output_shape')
  let pads = mode === 'VALID' ? repeated(0, 2 * kernel.length) : (call.numbers('pads') ?? repeated(0, 2 * kernel.length))
  if (target || same) {
    const total = kernel.map((size, i) => {
      const extent = call.shape(0)?.[i + 2]
      if (extent === undefined) return call.refuse('an input of known height and width, to resolve its padding', 'unknown')
      const out = target ? target[target.length - kernel.length + i] : extent * strides[i]
      return strides[i] * (extent - 1) + extra[i] + (size - 1) * dilations[i] + 1 - out
    })
    if (total.some((pad) => pad < 0)) call.refuse('an output no larger than the kernel reaches', `missing [${total.map((pad) => -pad)}]`)
    const [low, high] = [total.map((pad) => Math.floor(pad / 2)), total.map((pad) => Math.ceil(pad / 2))]
    pads = mode === 'SAME_UPPER' ? [...low, ...high] : [...high, ...low]
  }
  return windowed(call, { kernel_shape: kernel, strides, pads, dilations, group: call.number('group', 1), output_padding: extra })
}

const pool: Rule = (call) => {
  const kernel = call.numbers('kernel_shape') ?? call.refuse('an attribute kernel_shape', 'none')
  const { dilations, ...window } = windowOf(call, kernel)
  const ceil_mode = call.number('ceil_mode', 0)
  if (call.op === 'MaxPool') {
    if (call.number('storage_order', 0) !== 0) call.refuse('storage_order 0', '1')
    return windowed(call, { ...window, dilations, ceil_mode })
  }
  // Average pooling is dilated since opset 19 only.
  const spread: Attributes = dilations.some((dilation) => dilation !== 1) ? { dilations } : {}
  return windowed(call, { ...window, ...spread, ceil_mode, count_include_pad: call.number('count_include_pad', 0) })
}

/** Opset 6 trains unless told otherwise. */
const notTraining = (call: Call): void => {
  if (call.opset < 7 && call.number('is_test', 0) === 0) call.refuse('is_test 1 (export the model in evaluation mode)', '0')
}

const batchNormalization: Rule = (call) => {
  if (call.number('training_mode', 0) !== 0 || call.outputs.slice(1).some(Boolean))
    call.refuse('batch normalisation in inference form (export the model in evaluation mode)', 'training outputs')
  notTraining(call)
  if (call.number('spatial', 1) !== 1) call.refuse('spatial 1', '0 (a scale for every pixel)')
  return one(call, { epsilon: call.number('epsilon', round(1e-5)) })
}

const layerNormalization: Rule = (call) => {
  if (call.outputs.slice(1).some(Boolean)) call.refuse('LayerNormalization without its statistics as outputs', call.outputs.join(', '))
  return one(call, { axis: call.number('axis', -1), epsilon: call.number('epsilon', round(1e-5)) })
}

/** Scale and bias by channel, as since opset 21; before, they were by group. */
const groupNormalization: Rule = (call) => {
  const groups = call.number('num_groups', 0)
  const attributes = { num_groups: groups, epsilon: call.number('epsilon', round(1e-5)) }
  const channels = call.shape(0)?.[1]
  const given = call.shape(1)?.[0]
  if (call.opset >= 21 || (given !== undefined && given === channels)) return one(call, attributes)
  if (channels === undefined || groups < 1 || channels % groups)
    return call.refuse('a known multiple of num_groups as channels', `${channels}`)
  const spread = (input: string, first: number): Draft[] => [
    { op: 'Unsqueeze', inputs: [input], attributes: { axes: [1] } },
    { op: 'Expand', inputs: [first], attributes: { shape: [groups, channels / groups] } },
    { op: 'Reshape', inputs: [first + 1], attributes: { shape: [channels] } },
  ]
  return [...spread(call.inputs[1], 0), ...spread(call.inputs[2], 3), { op: call.op, inputs: [call.inputs[0], 2, 5], attributes }]
}

const clip: Rule = (call) => {
  floatOnly(call)
  const bound = (input: number, name: string, otherwise: number): number => {
    const given = call.opset < 11 ? call.number(name, otherwise) : (call.constant(input, `the bound ${name}`)?.[0] ?? otherwise)
    return Math.max(-float32Max, Math.min(float32Max, given))
  }
  return only(call, { min: bound(1, 'min', -float32Max), max: bound(2, 'max', float32Max) })
}

const pad: Rule = (call) => {
  floatOnly(call)
  const mode = call.string('mode', 'constant')
  const given = (call.opset < 11 ? call.numbers('pads') : call.constant(1, 'pads')) ?? call.refuse('pads', 'none')
  const value = call.opset < 11 ? call.number('value', 0) : (call.constant(2, 'the value')?.[0] ?? 0)
  const axes = call.has(3) ? axesOf(call, call.constant(3, 'axes')!) : undefined
  const padded = axes?.length ?? call.shape(0)?.length
  if (padded !== undefined && given.length !== 2 * padded) call.refuse(`${2 * padded} pads`, `${given.length}`)
  if (!axes) return only(call, { pads: given, mode, value })
  const rank = call.shape(0)?.length ?? call.refuse('an input of known rank, to resolve axes', 'unknown')
  const pads = repeated(0, 2 * rank)
  for (const [i, axis] of axes.entries()) {
    pads[axis] = given[i]
    pads[axis + rank] = given[i + axes.length]
  }
  return only(call, { pads, mode, value })
}

/** "To the end", small enough for the 32-bit integers of a kernel. */
const clamped = (index: number): number => Math.max(-(2 ** 31 - 1), Math.min(2 ** 31 - 1, index))

const slice: Rule = (call) => {
  const old = call.opset < 10
  const part = (input: number, name: string) => (old ? call.numbers(name) : call.constant(input, name))
  const starts = part(1, 'starts') ?? call.refuse('starts', 'none')
  const ends = part(2, 'ends') ?? call.refuse('ends', 'none')
  const axes = axesOf(call, part(3, 'axes') ?? starts.map((_, axis) => axis))
  const steps = (old ? undefined : call.constant(4, 'steps')) ?? starts.map(() => 1)
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length || steps.includes(0))
    call.refuse('as many starts, ends, axes and steps, and no step of 0', `[${starts}], [${ends}], [${axes}], [${steps}]`)
  return only(call, { starts: starts.map(clamped), ends: ends.map(clamped), axes, steps: steps.map(clamped) })
}

/** One index takes the axis away: a slice of one. Shape arithmetic stays as it is. */
const gather: Rule = (call) => {
  const axis = axesOf(call, [call.number('axis', 0)])[0]
  const index = call.lanes(1)?.every(({ constant }) => constant?.dims.length === 0) ? call.constant(1, 'the index')![0] : undefined
  if (index === undefined || call.lanes(0)?.every(({ constant }) => constant)) return one(call, { axis })
  const ends = [index === -1 ? 2 ** 31 - 1 : index + 1]
  return [
    { op: 'Slice', inputs: call.inputs.slice(0, 1), attributes: { starts: [index], ends, axes: [axis], steps: [1] } },
    { op: 'Squeeze', inputs: [0], attributes: { axes: [axis] } },
  ]
}

/** A constant shape, for each assumed batch. */
const targetsOf = (call: Call): (number[] | undefined)[] | undefined =>
  call.lanes(1)?.map(({ constant }) => {
    const count = constant?.data.length ?? 0
    if (count > highestRank) call.refuse(`a shape of at most ${highestRank} dimensions`, `${count}`)
    return constant && Array.from(constant.data as BigInt64Array, Number)
  })

/**
 * The target shape as an attribute that holds for every batch: constant, or computed from the input's own shape, of which only the
 * batch may be free.
 */
const reshape: Rule = (call) => {
  const targets = targetsOf(call)
  if (!targets?.every((target) => target !== undefined))
    return call.refuse("a constant shape, or one computed from the input's shape", `'${call.inputs[1]}', computed at run time`)
  const inputs = call.lanes(0)?.map(({ shape }) => shape)
  const shape = [...targets[0]]
  if (call.number('allowzero', 0) && shape.includes(0)) call.refuse('a shape without empty axes', `[${shape}] with allowzero`)
  const free = shape.flatMap((size, axis) =>
    targets.every((target) => target.length === shape.length && target[axis] === size) ? [] : [axis],
  )
  if (free.length > 0) {
    const copies = free[0] === 0 && inputs?.every((input, lane) => input?.[0] === targets[lane][0])
    if (free.length > 1 || (!copies && shape.includes(-1)))
      call.refuse('a shape with one size that depends on the batch', targets.map((target) => `[${target}]`).join(' or '))
    shape[free[0]] = copies ? 0 : -1
  } else if (call.fixedBatch !== undefined && shape[0] === call.fixedBatch && shape.length > 1) shape[0] = 0
  for (const input of inputs ?? [])
    if (input && shape.some((size, axis) => size < -1 || (size === 0 && axis >= input.length)))
      call.refuse(`a shape for [${input}]`, `[${shape}]`)
  return only(call, { shape })
}

/** Sizes of 1 leave the input's, so that the batch need not be known. */
const expand: Rule = (call) => {
  const targets = targetsOf(call)
  if (!targets?.every((target) => target !== undefined)) return call.refuse('a constant shape', `'${call.inputs[1]}', computed at run time`)
  const x = call.lanes(0)
  const shape = targets[0].map((size, axis) => {
    const own = x?.map((lane) => lane.shape?.[axis - targets[0].length + lane.shape.length])
    const free = own?.some((each) => each !== own[0])
    if (free && (targets.every((target, lane) => target[axis] === own![lane]) || size === call.fixedBatch)) return 1
    if (targets.some((target) => target[axis] !== size))
      call.refuse('a shape of fixed sizes', targets.map((target) => `[${target}]`).join(' or '))
    return size
  })
  return only(call, { shape })
}

const axesRule =
  (extra: (axes: readonly number[]) => number): Rule =>
  (call) => {
    const given = call.numbers('axes') ?? call.constant(1, 'axes')
    if (given) {
      const axes = axesOf(call, given, extra(given))
      if (new Set(axes).size < axes.length) call.refuse('axes that differ', `[${given}]`)
      return only(call, { axes })
    }
    const shape = call.shape(0) ?? call.refuse('axes, or an input of known shape', 'neither')
    return only(call, { axes: shape.flatMap((size, axis) => (size === 1 ? [axis] : [])) })
  }

const reduce: Rule = (call) => {
  const given = call.numbers('axes') ?? call.constant(1, 'axes') ?? []
  const shape = call.shape(0)
  const keepdims = call.number('keepdims', 1)
  if (given.length === 0 && call.number('noop_with_empty_axes', 0)) return { alias: call.inputs[0] }
  if (given.length === 0 && !shape) call.refuse('axes, or an input of known rank', 'neither')
  const axes = given.length > 0 ? axesOf(call, given) : shape!.map((_, axis) => axis)
  if (call.op === 'ReduceMean' && shape?.length === 4 && axes.length === 2 && axes.includes(2) && axes.includes(3)) {
    const pooled: Draft = { op: 'GlobalAveragePool', inputs: call.inputs.slice(0, 1), attributes: {} }
    return keepdims ? [pooled] : [pooled, { op: 'Flatten', inputs: [0], attributes: { axis: 1 } }]
  }
  return only(call, { axes, keepdims })
}

const split: Rule = (call) => {
  const axis = axesOf(call, [call.number('axis', 0)])[0]
  const given = call.numbers('split') ?? call.constant(1, 'split')
  if (given) return only(call, { axis, split: given })
  const size = call.shape(0)?.[axis]
  if (size === undefined) return call.refuse('the sizes of the parts, or an input of known shape', 'neither')
  const part = Math.ceil(size / call.outputs.length)
  return only(call, { axis, split: call.outputs.map((_, i) => Math.min(part, size - i * part)) })
}

/** Softmax before opset 13 flattened everything from `axis` on; that is softmax along `axis` only when nothing lies behind it. */
const softmax: Rule = (call) => {
  const axis = axesOf(call, [call.number('axis', call.opset < 13 ? 1 : -1)])[0]
  const shape = call.shape(0)
  if (call.opset >= 13 || shape?.slice(axis + 1).every((size) => size === 1)) return one(call, { axis })
  const [, ...rest] = shape ?? call.refuse('an input of known shape, to flatten it', 'unknown')
  if (rest.includes(undefined)) call.refuse('softmax of an input of which only the batch is free', `[${shape}]`)
  return [
    { op: 'Flatten', inputs: call.inputs.slice(0, 1), attributes: { axis } },
    { op: call.op, inputs: [0], attributes: { axis: 1 } },
    { op: 'Reshape', inputs: [1], attributes: { shape: [-1, ...(rest as number[])] } },
  ]
}

/** Scales for every axis: sizes, and scales of some axes, depend on nothing else once the input's shape is known. */
const resize: Rule = (call) => {
  const upsample = call.op === 'Upsample'
  const old = upsample || call.opset < 11
  const shape = call.shape(0)
  const mode = call.string('coordinate_transformation_mode', old ? 'asymmetric' : 'half_pixel')
  if (mode === 'tf_crop_and_resize' || call.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch' || call.number('antialias', 0))
    call.refuse('Resize without crop, aspect ratio policy and antialias', JSON.stringify(call.attributes))
  const some = call.numbers('axes')
  const rank = shape?.length ?? (some ? call.refuse('an input of known rank, to resolve axes', 'unknown') : undefined)
  const axes = some && axesOf(call, some)

  const present = (input: number) => call.has(input) && call.lanes(input)?.some(({ constant }) => constant?.data.length !== 0)
  let scales = upsample && call.opset < 9 ? call.numbers('scales') : undefined
  const scaleInput = old ? 1 : 2
  if (!scales && present(scaleInput)) {
    const given = call.constant(scaleInput, 'scales')!
    scales = axes ? repeated(1, rank!).map((_, axis) => given[axes.indexOf(axis)] ?? 1) : given
  }
  const sizes = call.lanes(3)
  if (!scales && !old && sizes) scales = scalesFor(call, sizes, axes)
  if (!scales || (rank !== undefined && scales.length !== rank))
    return call.refuse(`${rank ?? 'constant'} scales, or sizes`, scales ? `${scales.length} scales` : 'neither')
  return only(
    call,
    {
      scales,
      mode: call.string('mode', 'nearest'),
      coordinate_transformation_mode: mode,
      nearest_mode: call.string('nearest_mode', old ? 'floor' : 'round_prefer_floor'),
      cubic_coeff_a: call.number('cubic_coeff_a', -0.75),
      exclude_outside: call.number('exclude_outside', 0),
    },
    'Resize',
  )
}

function scalesFor(call: Call, sizes: Lanes, axes: readonly number[] | undefined): number[] {
  const shape = call.shape(0) ?? call.refuse('an input of known shape, to turn sizes into scales', 'unknown')
  return shape.map((size, axis) => {
    const at = axes ? axes.indexOf(axis) : axis
    if (at < 0) return 1
    const wanted = sizes.map(({ constant }) => (constant && at < constant.data.length ? Number(constant.data[at]) : undefined))
    if (wanted.some((each) => each === undefined)) return call.refuse('constant sizes', `'${call.inputs[3]}', computed at run time`)
    // A free batch stays as it is.
    if (size === undefined) return 1
    // The smallest float32 that still gives the size: floor(size * scale) is what ONNX makes of it, onnxruntime in float32 when it runs
    // a model and in float64 when it loads one.
    let scale = round(wanted[0]! / size)
    while (Math.floor(size * scale) < wanted[0]!) scale = round(scale * (1 + 2 ** -23))
    return scale
  })
}

/** A sum, least or greatest of many as a chain of two each. */
const chained =
  (op: string): Rule =>
  (call) => {
    if (call.inputs.length === 1) return { alias: call.inputs[0] }
    return call.inputs.slice(1).map((input, i) => ({ op, inputs: [i === 0 ? call.inputs[0] : i - 1, input], attributes: {} }))
  }

/**
 * Arithmetic. Until opset 6 the dimensions of the second input were laid against the first's from `axis` on (PRelu's slopes against the
 * channels); what lies behind them is written as dimensions of 1.
 */
const binary: Rule = (call) => {
  const { broadcast: _, axis: __, ...attributes } = call.attributes
  if (call.opset > 6) return one(call, call.attributes)
  const [rank, other] = [call.shape(0)?.length, call.shape(1)]
  const axis = call.op === 'PRelu' ? 1 : (call.attributes.axis as number | undefined)
  if (axis === undefined || other?.every((size) => size === 1)) return one(call, attributes)
  if (rank === undefined || !other) return call.refuse('inputs of known rank, to lay one against the other', 'unknown')
  const behind = rank - normalizeAxis(axis, rank) - other.length
  if (behind <= 0) return one(call, attributes)
  const axes = Array.from({ length: behind }, (_, i) => other.length + i)
  return [
    { op: 'Unsqueeze', inputs: [call.inputs[1]], attributes: { axes } },
    { op: call.op, inputs: [call.inputs[0], 0], attributes },
  ]
}

/** The exponent may be of integers. */
const pow: Rule = (call) => {
  const [x, exponent] = [call.lanes(0)?.[0].type, call.lanes(1)?.[0].type]
  if (x !== 'float32' || !exponent || exponent === 'float32') return binary(call)
  return [
    { op: 'Cast', inputs: [call.inputs[1]], attributes: { to: 1 } },
    { op: 'Pow', inputs: [call.inputs[0], 0], attributes: {} },
  ]
}

const floats = new Set(['float32', 'float16', 'float64'])
/** Element types of Cast that a Graph has; float16 and double are float32 in it. */
const castTypes: Readonly<Record<number, string>> = {
  1: 'float32',
  2: 'uint8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float32',
  11: 'float32',
  16: 'float32',
}
const castNumbers: Readonly<Record<string, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 }

const cast: Rule = (call) => {
  const to = call.number('to', 0)
  const type = castTypes[to] ?? call.refuse('a cast to float32, float16, double, int64, int32, uint8 or bool', `element type ${to}`)
  const from = call.lanes(0)?.[0].type
  return from === type || (from && floats.has(from) && type === 'float32')
    ? { alias: call.inputs[0] }
    : one(call, { to: castNumbers[type] })
}

const alias: Rule = (call) => {
  if (call.op === 'Dropout') notTraining(call)
  if (call.has(2) && call.constant(2, 'training_mode')?.[0]) call.refuse('Dropout in inference mode', 'training_mode')
  return { alias: call.inputs[0] }
}

const rules: Readonly<Record<string, Rule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalMaxPool: (call) => (call.shape(0)?.length === 3 ? windowed(call, {}) : one(call, {})),
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  Gemm: (call) =>
    one(call, {
      alpha: call.number('alpha', 1),
      beta: call.number('beta', 1),
      transA: call.number('transA', 0),
      transB: call.number('transB', 0),
    }),
  Clip: clip,
  Pad: pad,
  Slice: slice,
  Reshape: reshape,
  Expand: expand,
  Flatten: (call) => {
    const axis = call.number('axis', 1)
    // All axes may be in front.
    return one(call, { axis: axis === call.shape(0)?.length ? axis : axesOf(call, [axis])[0] })
  },
  Concat: (call) => one(call, { axis: axesOf(call, [call.number('axis', 1)])[0] }),
  Gather: gather,
  Tile: (call) => {
    const repeats = call.constant(1, 'repeats') ?? call.refuse('repeats', 'none')
    const rank = call.shape(0)?.length ?? repeats.length
    return repeats.length === rank ? only(call, { repeats }) : call.refuse(`${rank} repeats`, `${repeats.length}`)
  },
  Transpose: (call) => {
    const rank = call.shape(0)?.length
    const perm =
      call.numbers('perm') ??
      (rank === undefined ? call.refuse('perm, or an input of known rank', 'neither') : repeated(0, rank).map((_, i) => rank - 1 - i))
    if (
      rank !== undefined &&
      [...perm].sort((a, b) => a - b).join() !==
        repeated(0, rank)
          .map((_, i) => i)
          .join()
    )
      call.refuse(`a permutation of ${rank} axes`, `[${perm}]`)
    return one(call, { perm })
  },
  Squeeze: axesRule(() => 0),
  Unsqueeze: axesRule((axes) => axes.length),
  Split: split,
  Softmax: softmax,
  LogSoftmax: softmax,
  Hardmax: softmax,
  Resize: resize,
  Upsample: resize,
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  PRelu: binary,
  Pow: pow,
  Sum: chained('Add'),
  Min: chained('Min'),
  Max: chained('Max'),
  Mean: (call) => (call.inputs.length === 1 ? { alias: call.inputs[0] } : one(call, {})),
  Cast: cast,
  Identity: alias,
  Dropout: alias,
}

/** What ONNX assumes for attributes that are not written; operators above say their own. */
const defaults: Readonly<Record<string, Attributes>> = {
  LeakyRelu: { alpha: round(0.01) },
  Elu: { alpha: 1 },
  Celu: { alpha: 1 },
  Selu: { alpha: round(1.6732632423543772), gamma: round(1.0507009873554805) },
  ThresholdedRelu: { alpha: 1 },
  Shrink: { lambd: 0.5, bias: 0 },
  Gelu: { approximate: 'none' },
  HardSigmoid: { alpha: round(0.2), beta: 0.5 },
  LRN: { alpha: round(1e-4), beta: 0.75, bias: 1 },
  InstanceNormalization: { epsilon: round(1e-5) },
  LpNormalization: { axis: -1, p: 2 },
  DepthToSpace: { mode: 'DCR' },
  ArgMax: { axis: 0, keepdims: 1, select_last_index: 0 },
  ArgMin: { axis: 0, keepdims: 1, select_last_index: 0 },
}

export function normalize(call: Call): Normalized {
  if (Object.hasOwn(rules, call.op)) return rules[call.op](call)
  if (call.op.startsWith('Reduce')) return reduce(call)
  const { consumed_inputs: _, ...attributes } = call.attributes
  return one(call, { ...(Object.hasOwn(defaults, call.op) ? defaults[call.op] : {}), ...attributes })
}

/** The type of a node's output. */
export function outputType(op: string, attributes: Attributes, input: string | undefined): string | undefined {
  if (op === 'Cast') return castTypes[attributes.to as number]
  if (op === 'Shape' || op === 'Size' || op === 'ArgMax' || op === 'ArgMin' || op === 'NonZero') return 'int64'
  if (/^(Equal|Greater|Less|And|Or|Xor|Not|IsNaN|IsInf)/.test(op)) return 'bool'
  return input
}
