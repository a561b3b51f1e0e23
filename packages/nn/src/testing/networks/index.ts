/** Networks of the literature at the shapes they were published for: what importing, grouping, cutting and running are tested on. */
import type { Graph } from '../../graph.js'
import { densenet121, googlenet, inceptionV3, squeezenet, vgg16 } from './branching.js'
import { convnextTiny, unet, yolo } from './dense.js'
import type { NetworkOptions } from './layers.js'
import { efficientnetB0, mobilenetV1, mobilenetV2, mobilenetV3, shufflenetV2 } from './mobile.js'
import { regnetY400, resnet18, resnet34, resnet50, wideResnet50 } from './residual.js'

export type { NetworkOptions } from './layers.js'

/** By torchvision's names where it has them. */
export const networks = {
  resnet18,
  resnet34,
  resnet50,
  wide_resnet50_2: wideResnet50,
  vgg16_bn: vgg16,
  mobilenet_v1: mobilenetV1,
  mobilenet_v2: mobilenetV2,
  mobilenet_v3_large: mobilenetV3,
  efficientnet_b0: efficientnetB0,
  densenet121,
  squeezenet1_1: squeezenet,
  googlenet,
  inception_v3: inceptionV3,
  shufflenet_v2_x1_0: shufflenetV2,
  regnet_y_400mf: regnetY400,
  convnext_tiny: convnextTiny,
  unet,
  yolov5n: yolo,
} satisfies Record<string, (options: NetworkOptions) => Graph>

export type NetworkName = keyof typeof networks

export const networkNames = Object.keys(networks) as NetworkName[]

export const buildNetwork = (name: NetworkName, options: NetworkOptions = {}): Graph => networks[name](options)
