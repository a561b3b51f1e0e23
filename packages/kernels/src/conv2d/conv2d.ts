import type { Attributes, Dispatch, Operation, Shader, Shape, Target, Tensor } from '../operation.js'
import { workgroups1d } from '../operation.js'
import { type Activation, convReference, fusedConvReference } from './conv2d.reference.js'
import directCode from './conv2d.wgsl'
import { depthwiseCpu, isDepthwiseCpu } from './depthwise-cpu.js'
import { type ConvGeometry, convGeometry, convMacs, geometryParams, inputShape, outputShape, weightShape } from './geometry.js'
import { cpuConv } from './rows.js'
import { type Epilogue, epilogueParams, tiledConv, usefulTileVariant } from './tile.js'
import { forwardProblem } from './tile-problem.js'

const direct: Shader = { name: 'conv2d', code: directCode, access: ['read', 'read', 'read', 'read', 'read', 'write', 'read'] }

/** The plain kernel: one invocation per output; every attribute. */
export function directConv(g: ConvGeometry, x: Tensor, w: Tensor, y: Tensor, epilogue: Epilogue, target: Target): Dispatch[] {
  return [
    {
      shader: direct,
      operands: [x, w, epilogue.bias, epilogue.residual, epilogue.mask, y, epilogue.lists],
      params: { u32: [...geometryParams(g), ...epilogueParams(g.n, epilogue)] },
      workgroups: workgroups1d(g.n * g.m * g.oh * g.ow, 64, target),
    },
  ]
}

/** Tiles where they are useful, else one invocation per output. */
export function convDispatches(g: ConvGeometry, x: Tensor, w: Tensor, y: Tensor, epilogue: Epilogue, target: Target): Dispatch[] {
  if (isDepthwiseCpu(g, epilogue, target)) return depthwiseCpu(g, x, w, y, epilogue)
  const problem = forwardProblem(g)
  const onCpu = cpuConv(problem, x, w, y, epilogue, target)
  if (onCpu) return onCpu
  const variant = usefulTileVariant(problem, target, epilogue.lists !== undefined)
  return variant ? [tiledConv(problem, x, w, y, epilogue, target, variant)] : directConv(g, x, w, y, epilogue, target)
}

function checkBias(op: string, g: ConvGeometry, bias: Shape | undefined): void {
  if (bias && (bias.length !== 1 || bias[0] !== g.m)) throw new Error(`${op}: bias must be [${g.m}], found [${bias.join(', ')}]`)
}

/** Conv(x [N, C, H, W], w [M, C/group, KH, KW], bias [M]?) {kernel_shape, strides, pads, dilations, group} -> y [N, M, OH, OW], as ONNX's. */
export const conv: Operation = {
  op: 'Conv',
  infer(attributes, [x, w, bias]) {
    const g = convGeometry('Conv', attributes, x, w)
    checkBias('Conv', g, bias)
    return [outputShape(g)]
  },
  dispatches(attributes, [x, w, bias], [y], target) {
    return convDispatches(convGeometry('Conv', attributes, x!.shape, w!.shape), x!, w!, y, { bias, activation: 'none' }, target)
  },
  reference: (attributes, [x, w, bias]) => [convReference(convGeometry('Conv', attributes, x!.shape, w!.shape), x!, w!, bias)],
  gradient({ attributes, inputs: [x, w], inputShapes, wanted }, [dy], emit) {
    const g = convGeometry('Conv', attributes, inputShapes[0], inputShapes[1])
    return [
      wanted[0] ? emit('ConvInputGradient', { ...attributes, inputShape: inputShape(g) }, [dy, w])[0] : undefined,
      wanted[1] ? emit('ConvWeightGradient', { ...attributes, weightShape: weightShape(g) }, [x, dy])[0] : undefined,
      wanted[2] ? emit('ChannelSum', {}, [dy])[0] : undefined,
    ]
  },
  macs: (attributes, [x, w]) => convMacs(convGeometry('Conv', attributes, x, w)),
}

function activationOf(attributes: Attributes): Activation {
  const activation = attributes.activation ?? 'none'
  if (activation !== 'none' && activation !== 'relu' && activation !== 'relu6') {
    throw new Error(`FusedConv: attribute 'activation' must be none, relu or relu6, found ${JSON.stringify(activation)}`)
  }
  return activation
}

/**
 * FusedConv(x, w, bias [M]?, residual [N, M, OH, OW]?, mask [P, M]?, lists [P, 2 + C + M]?) {Conv's, activation: none | relu | relu6} -> y [N, M, OH, OW]:
 * y = mask[p, m] * act(conv(x, w) + bias + residual), where image n belongs to candidate p = n div (N / P). For inference.
 *
 * `lists` (u32; group 1 only) says which channels of a candidate count, so that those it has not cost nothing: how many of x are read, how many of y
 * are made, then x's channels by number, those that are read first, then y's in the same way. What is not read counts as zero, and what is not made is zero.
 */
export const fusedConv: Operation = {
  op: 'FusedConv',
  infer(attributes, [x, w, bias, residual, mask, lists]) {
    const g = convGeometry('FusedConv', attributes, x, w)
    const y = outputShape(g)
    activationOf(attributes)
    checkBias('FusedConv', g, bias)
    if (residual && (residual.length !== 4 || residual.some((d, i) => d !== y[i]))) {
      throw new Error(`FusedConv: residual must be the output's shape [${y.join(', ')}], found [${residual.join(', ')}]`)
    }
    if (mask && (mask.length !== 2 || mask[1] !== g.m || g.n % mask[0] !== 0)) {
      throw new Error(
        `FusedConv: mask must be [candidates, ${g.m}] with candidates dividing the batch of ${g.n}, found [${mask.join(', ')}]`,
      )
    }
    const length = 2 + g.c + g.m
    if (lists && (g.group !== 1 || lists.length !== 2 || lists[1] !== length || lists[0] !== (mask?.[0] ?? lists[0]) || g.n % lists[0])) {
      throw new Error(
        `FusedConv: lists must be [candidates, ${length}] for ${g.c} channels and ${g.m} outputs in one group, the mask's candidates, dividing the batch of ${g.n}; found [${lists.join(', ')}] with group ${g.group}`,
      )
    }
    return [y]
  },
  dispatches(attributes, [x, w, bias, residual, mask, lists], [y], target) {
    const g = convGeometry('FusedConv', attributes, x!.shape, w!.shape)
    return convDispatches(g, x!, w!, y, { bias, residual, mask, lists, activation: activationOf(attributes) }, target)
  },
  reference(attributes, [x, w, bias, residual, mask, lists]) {
    const g = convGeometry('FusedConv', attributes, x!.shape, w!.shape)
    return [fusedConvReference(g, activationOf(attributes), x!, w!, { bias, residual, mask, lists })]
  },
  macs: (attributes, [x, w]) => convMacs(convGeometry('FusedConv', attributes, x, w)),
}
