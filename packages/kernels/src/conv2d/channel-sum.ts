import { type Attributes, elements, type Operation, type Shader } from '../operation.js'
import code from './channel-sum.wgsl'
import { channelSumReference } from './conv2d.reference.js'

const shader: Shader = { name: 'channel-sum', code, access: ['read', 'write'] }
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
    const columns = Math.min(c, target.maxWorkgroupsPerDimension)
    return [
      {
        shader,
        operands: [x, sums],
        params: { u32: [n, c, elements(x!.shape.slice(2))], f32: [scaleOf(attributes)] },
        workgroups: [columns, Math.ceil(c / columns), 1],
      },
    ]
  },
  reference: (attributes, [x]) => [channelSumReference(x!, scaleOf(attributes))],
}
