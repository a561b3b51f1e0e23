/** The built-in architectures, untrained: seeded weights, batch normalisation as nodes, ready to be trained, pruned and exported. */
import type { Shape } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import type { BuilderOptions } from './builder.js'
import { mobilenetV2 } from './mobilenet.js'
import { cifarResnet, resnet } from './resnet.js'
import { lenet5, tiny } from './small.js'
import { vgg } from './vgg.js'

export { type Builder, type BuilderOptions, type ConvOptions, createBuilder, type PoolOptions, type Value } from './builder.js'

type Build = (classes: number, options: BuilderOptions) => Graph

const builders: Readonly<Record<string, { build: Build; input: Shape }>> = {
  vgg11: { build: (classes, options) => vgg(11, classes, options), input: [3, 32, 32] },
  vgg13: { build: (classes, options) => vgg(13, classes, options), input: [3, 32, 32] },
  vgg16: { build: (classes, options) => vgg(16, classes, options), input: [3, 32, 32] },
  vgg19: { build: (classes, options) => vgg(19, classes, options), input: [3, 32, 32] },
  resnet18: { build: (classes, options) => resnet(18, classes, options), input: [3, 32, 32] },
  resnet20: { build: (classes, options) => cifarResnet(20, classes, options), input: [3, 32, 32] },
  resnet32: { build: (classes, options) => cifarResnet(32, classes, options), input: [3, 32, 32] },
  resnet50: { build: (classes, options) => resnet(50, classes, options), input: [3, 32, 32] },
  resnet56: { build: (classes, options) => cifarResnet(56, classes, options), input: [3, 32, 32] },
  mobilenetv2: { build: mobilenetV2, input: [3, 32, 32] },
  lenet5: { build: lenet5, input: [1, 28, 28] },
  tiny: { build: tiny, input: [3, 24, 24] },
}

/** Names that `buildArchitecture` takes. */
export const architectures: readonly string[] = Object.keys(builders)

export interface ArchitectureOptions {
  /** [c, h, w]; that of `defaultInput` when absent. */
  readonly input?: Shape
  /** 10 when absent. */
  readonly classes?: number
  /** Of the weights; 0 when absent. */
  readonly seed?: number
  /** Multiplier of the channels of every hidden layer: 0.5 makes a network of about a quarter of the parameters; 1 when absent. */
  readonly width?: number
  /** Zeros instead of drawn weights, where only the structure matters. */
  readonly zeros?: boolean
}

const find = (name: string) => {
  const found = Object.hasOwn(builders, name) ? builders[name] : undefined
  if (!found)
    throw new InputError('unknown architecture', { field: 'arch', expected: `one of ${architectures.join(', ')}`, found: `'${name}'` })
  return found
}

/** The input [c, h, w] an architecture is built for when nothing else is said. */
export const defaultInput = (name: string): Shape => find(name).input

/**
 * An untrained network with input `input` [N, c, h, w] (float32) and output `output` [N, classes] (logits).
 * Throws an InputError for an unknown name, a bad number of classes or width, and an input too small for the network's downsampling.
 */
export function buildArchitecture(name: string, options: ArchitectureOptions = {}): Graph {
  const { build, input } = find(name)
  const { classes = 10, seed = 0, width = 1, zeros } = options
  if (!Number.isInteger(classes) || classes < 1)
    throw new InputError('not a number of classes', { field: 'classes', expected: 'a positive integer', found: classes })
  if (!(width > 0 && Number.isFinite(width)))
    throw new InputError('not a width multiplier', { field: 'width', expected: 'a number above 0', found: width })
  const metadata = { 'espalier.arch': name, ...(width !== 1 && { 'espalier.width': String(width) }) }
  return build(classes, { name, input: options.input ?? input, seed, width, zeros, metadata })
}
