import { acquireGpu } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { costOf } from '../../cost.js'
import { exportOnnx } from '../../onnx/index.js'
import { minimumCost } from '../../prune/cost-model.js'
import { channelGroups } from '../../prune/index.js'
import { withRandomNorms } from '../../prune/testing/onnx.js'
import { expectWhole } from './checks.js'
import { buildNetwork, type NetworkName, networkNames } from './index.js'

let gpu: Awaited<ReturnType<typeof acquireGpu>>
beforeAll(async () => void (gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })))
afterAll(() => gpu.close())

/**
 * Parameters, and MACs where they are published to the digit, else thousands of millions to three decimals: torchvision 0.21's tables,
 * Howard et al. 2017 (568,740,352: 0.569 in its table 4), milesial/Pytorch-UNet, ultralytics' yolov5n (4.5 GFLOPs at 640 x 640).
 */
const published: Record<NetworkName, [params: number, macs: number]> = {
  resnet18: [11_689_512, 1.814],
  resnet34: [21_797_672, 3.664],
  resnet50: [25_557_032, 4_089_184_256],
  wide_resnet50_2: [68_883_240, 11.398],
  vgg16_bn: [138_365_992, 15.47],
  mobilenet_v1: [4_231_976, 0.569],
  mobilenet_v2: [3_504_872, 300_774_272],
  mobilenet_v3_large: [5_483_032, 0.217],
  efficientnet_b0: [5_288_548, 0.386],
  densenet121: [7_978_856, 2.834],
  squeezenet1_1: [1_235_496, 0.349],
  googlenet: [6_624_904, 1.498],
  inception_v3: [23_834_568, 5.713],
  shufflenet_v2_x1_0: [2_278_604, 0.145],
  regnet_y_400mf: [4_344_144, 0.402],
  convnext_tiny: [28_589_128, 4.456],
  unet: [31_037_633, 48.167],
  yolov5n: [1_872_157, 2.234],
}

/** Reasons other than 'graph input' and 'graph output' for which channels stay. */
const locks: Partial<Record<NetworkName, RegExp>> = {
  // Splits and shuffles in a row leave one channel of the first block of a stage to each of the last ones.
  shufflenet_v2_x1_0: /^a single channel$/,
  // The residual stream of each stage is normalised over its channels: without some of them all others change.
  convnext_tiny: /^not separable: LayerNormalization at (stem|stage[234]\.0)\.norm mixes channels$/,
}

test.each(networkNames)('%s as published: costs, and nothing locked without need', (name) => {
  const graph = buildNetwork(name, { zeros: true })
  const cost = costOf(graph)
  const [params, macs] = published[name]
  expect([cost.params, macs > 1e6 ? cost.macs : Math.round(cost.macs / 1e6) / 1e3]).toEqual([params, macs])

  const groups = channelGroups(graph)
  const reasons = groups.flatMap(({ locked }) => (locked === null || locked === 'graph input' || locked === 'graph output' ? [] : [locked]))
  for (const reason of reasons) expect(reason).toMatch(locks[name] ?? /^nothing$/)
  // All but the few channels of inputs, outputs and those locks can go.
  expect(minimumCost(graph, groups).params / cost.params).toBeLessThan(name === 'convnext_tiny' ? 0.1 : 0.005)
})

// ESPALIER_NETWORKS=full takes the published widths and sizes, and much longer.
const full = process.env.ESPALIER_NETWORKS === 'full'

test.each(networkNames)(
  `%s, ${full ? 'as published' : 'a quarter as wide'}: read, run, masked, cut and written as onnxruntime has it`,
  async (name) => {
    const size = name === 'unet' || name === 'yolov5n' ? 64 : 96
    const graph = buildNetwork(name, full ? {} : { input: [3, size, size], width: 0.25 })
    await expectWhole(exportOnnx(withRandomNorms(graph)), gpu)
  },
)
