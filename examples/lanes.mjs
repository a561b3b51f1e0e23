// A budget that only a call can tell: cycles, in millions, of a device that multiplies 8 input by 8 output channels at once.
// Channels are paid for in eights, so the cost is a step function of the widths: it has no useful gradient.
//
//     espalier prune model.onnx --data ... --budget 'module:./examples/lanes.mjs<=0.35' --out small.onnx
export default function lanes({ layers }) {
  let cycles = 0
  for (const { op, inputShape, outputShape, macs } of layers) {
    if (op !== 'Conv') continue
    const [, channelsIn] = inputShape
    const [, channelsOut] = outputShape
    cycles += (macs / (channelsIn * channelsOut)) * Math.ceil(channelsIn / 8) * Math.ceil(channelsOut / 8)
  }
  return cycles / 1e6
}
