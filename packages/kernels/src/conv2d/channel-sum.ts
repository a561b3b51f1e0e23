import { type Attributes, elements, type Operation, type Shader, workgroups1d } from '../operation.js'
import code from './channel-sum.wgsl'
import { channelSumReference } from './conv2d.reference.js'

const shader: Shader = { name: 'channel-sum', code, access: ['read', 'write'] }
const planes: Shader = { ...shader, entryPoint: 'planes' }
const single: Shader = { ...shader, entryPoint: 'columns' }
const scaleOf = (attributes: Attributes) => (attributes.scale ?? 1) as number

/** ChannelSum(x [N, C, ...]) {scale = 1} -> [C]: scale * the sum over everything but the channels; the gradient of a bias. */
export const channelSum: Operation = {
  op: 'ChannelSum',
  infer(_, [x]) {
    if (!x || x.length < 2)
      throw new Error(`ChannelSum: input must be [batch, channels, ...], found ${x ? `[${x.join(', ')}]` : 'nothing'}`)
    return [[x[1]]]
  },
  dispatches(attributes, [x], [sums], target) {
    const [n, c] = x!.shape
    const space = elements(x!.shape.slice(2))
    const call = { operands: [x, sums], params: { u32: [n, c, space], f32: [scaleOf(attributes)] } }
    if (target.kind === 'cpu' && space === 1) return [{ ...call, shader: single, workgroups: workgroups1d(c, 16, target) }]
    const isWide = target.kind === 'cpu' && space >= 4
    return [{ ...call, shader: isWide ? planes : shader, workgroups: workgroups1d(c, 1, target) }]
  },
  reference: (attributes, [x]) => [channelSumReference(x!, scaleOf(attributes))],
}
