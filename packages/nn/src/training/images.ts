/** How images [C, H, W] enter a network that wants them laid out otherwise: channels last, or flat. */
import { elements, type Shape } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { Graph, Node, ValueInfo } from '../graph.js'
import { joinTransposes } from '../onnx/transposes.js'

const toChannelsLast = [0, 2, 3, 1]

/** Everything that reads the input takes its channels to the front first: what tf2onnx writes of networks with channels last. */
function isTransposed(graph: Graph, input: string): boolean {
  const readers = graph.nodes.filter((node) => node.inputs.includes(input))
  return readers.length > 0 && readers.every(({ op, attributes }) => op === 'Transpose' && String(attributes.perm) === '0,3,1,2')
}

const imageInputs = (graph: Graph): ValueInfo[] =>
  graph.inputs.filter((input) => !graph.initializers.has(input.name) && !input.name.startsWith('mask:'))

/**
 * [C, H, W] of the images that a network takes, also where its input is [N, H, W, C]; undefined where the input does not say it
 * (flat, several inputs).
 */
export function imageShape(graph: Graph): [number, number, number] | undefined {
  const [input, ...others] = imageInputs(graph)
  const [a, b, c] = (input?.shape.slice(1) ?? []) as number[]
  if (others.length > 0 || input?.shape.length !== 4 || ![a, b, c].every((size) => typeof size === 'number')) return undefined
  const colours = (size: number) => size === 1 || size === 3
  return isTransposed(graph, input.name) || (colours(c) && !colours(a)) ? [c, a, b] : [a, b, c]
}

/** What an image looks like without axes of size 1. */
const core = (shape: readonly (number | string)[]): string => shape.filter((size) => size !== 1).join()

/**
 * The network with an input of images [N, C, H, W]: the network itself where it takes them so; with a Transpose before an input
 * [N, H, W, C] (it cancels with one that the network begins with), with a Reshape before a flat one [N, C H W] (channel by channel, row
 * by row) or one with axes of size 1 more or less. Constants keep their names.
 *
 * Throws InputError where the images do not fit.
 */
export function withImageInput(graph: Graph, image: Shape, data: string): { graph: Graph; input: string } {
  const inputs = imageInputs(graph)
  const [given] = inputs
  if (inputs.length !== 1)
    throw new InputError(`network '${graph.name}'`, {
      field: 'inputs',
      expected: 'one image input',
      found: inputs.map((input) => input.name).join(', ') || 'none',
    })
  const [batch, ...rest] = given.shape
  const shape = rest.map((size, axis) => (typeof size === 'number' ? size : image[axis]))
  const [c, h, w] = image
  const last = String(shape) === String([h, w, c])
  if (String(shape) === String(image) && !(last && isTransposed(graph, given.name))) {
    checkBatch(graph, given)
    return { graph, input: given.name }
  }
  const flat = core(shape) === core(image) || core(shape) === core([elements(image)])
  if (!last && !flat)
    throw new InputError(`data '${data}' does not fit network '${graph.name}'`, {
      field: `input '${given.name}'`,
      expected: `[${given.shape.join(', ')}]`,
      found: `images of [${image.join(', ')}]`,
    })
  checkBatch(graph, given)
  const input = `${given.name}:images`
  const node: Node = last
    ? { name: `${given.name}:channels last`, op: 'Transpose', inputs: [input], outputs: [given.name], attributes: { perm: toChannelsLast } }
    : { name: `${given.name}:reshaped`, op: 'Reshape', inputs: [input], outputs: [given.name], attributes: { shape: [0, ...shape] } }
  const wider = {
    ...graph,
    inputs: graph.inputs.map((each) => (each === given ? { name: input, shape: [batch, ...image], type: given.type } : each)),
    nodes: [node, ...graph.nodes],
  }
  return { graph: joinTransposes(wider), input }
}

function checkBatch(graph: Graph, { name, shape }: ValueInfo): void {
  if (typeof shape[0] === 'number')
    throw new InputError(`network '${graph.name}' takes a fixed number of images at once`, {
      field: `input '${name}'`,
      expected: `a free batch: [N, ${shape.slice(1).join(', ')}] (export the model with a dynamic first axis)`,
      found: `[${shape.join(', ')}]`,
    })
}
