/**
 * jax-js on its WebGPU backend. Its authors list Node as a platform without WebGPU; with `navigator.gpu` given before it is imported (the same
 * Dawn instance, and so the same adapter, that our own acquireGpu() chose) it runs here. Every use of an array consumes it, hence the `.ref`s.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { acquireGpu } from '@espalier/kernels'
import { fuseForInference, type Graph, type Node } from '@espalier/nn'
import { classes, dataset, type Network, normalized } from '../network.js'
import { type Case, type Contender, comparedSteps, forEachNetwork, learningRate, momentum, type Settings, timed } from './contender.js'
import { patiently } from './patience.js'

type Jax = typeof import('@jax-js/jax')
type Array_ = import('@jax-js/jax').numpy.Array
type Weights = Record<string, Array_>

export async function createContender({ prefer }: Settings): Promise<Contender> {
  const gpu = await acquireGpu({ prefer })
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: gpu.instance, userAgent: 'node' }, configurable: true })
  const jax = await import('@jax-js/jax')
  await jax.init('webgpu')
  jax.defaultDevice('webgpu')
  // Its package.json is not among its exports.
  const entry = createRequire(import.meta.url).resolve('@jax-js/jax')
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8')) as { version: string }
  return {
    adapter: gpu.info.name,
    versions: { ...gpu.info.versions, 'jax-js': version },
    cases: { ...forEachNetwork('forward', (each) => forward(jax, each)), ...forEachNetwork('training', (each) => training(jax, each)) },
  }
}

const ints = (node: Node, name: string) => [...(node.attributes[name] as readonly number[])]

/** The network as a function of its weights and images [N, 3, 32, 32]; `training` normalises with the statistics of the batch. */
function networkOf({ numpy: np, lax, nn }: Jax, graph: Graph, isTraining: boolean): (weights: Weights, images: Array_) => Array_ {
  const output = graph.outputs[0].name
  const column = (vector: Array_) => vector.reshape([1, -1, 1, 1])
  return (weights, images) => {
    const values: Record<string, Array_> = { ...weights, [graph.inputs[0].name]: images }
    const activation = (x: Array_, kind: unknown) => (kind === 'relu' ? nn.relu(x) : kind === 'relu6' ? nn.relu6(x) : x)
    for (const node of graph.nodes) {
      const [x, w, b, residual] = node.inputs.map((name) => (name ? values[name].ref : undefined)) as Array_[]
      let y: Array_
      switch (node.op) {
        case 'Conv':
        case 'FusedConv': {
          const [top, left, bottom, right] = ints(node, 'pads')
          const padding: [number, number][] = [
            [top, bottom],
            [left, right],
          ]
          y = lax.convGeneralDilated(x, w, ints(node, 'strides'), padding, { featureGroupCount: Number(node.attributes.group ?? 1) })
          if (b) y = y.add(column(b))
          if (residual) y = y.add(residual)
          y = activation(y, node.attributes.activation)
          break
        }
        case 'BatchNormalization': {
          if (!isTraining) throw new Error(`${node.name}: normalisation should be folded`)
          const mean = x.ref.mean([0, 2, 3], { keepdims: true })
          const centred = x.sub(mean)
          const variance = np.square(centred.ref).mean([0, 2, 3], { keepdims: true })
          y = centred.div(np.sqrt(variance.add(1e-5)))
          y = y.mul(column(w)).add(column(b))
          break
        }
        case 'Relu':
          y = nn.relu(x)
          break
        case 'Clip':
          y = nn.relu6(x)
          break
        case 'Add':
          y = x.add(w)
          break
        case 'MaxPool':
          y = lax.reduceWindow(x, (window) => window.max(), [2, 2], [2, 2])
          break
        case 'GlobalAveragePool':
          y = x.mean([2, 3])
          break
        case 'Flatten':
          y = x
          break
        case 'Gemm':
          y = np.matmul(x, w.transpose()).add(b)
          break
        default:
          throw new Error(`node '${node.name}': ${node.op} is not written for jax-js`)
      }
      values[node.outputs[0]] = y
    }
    return values[output]
  }
}

const weightsOf = ({ numpy: np }: Jax, graph: Graph, skip: ReadonlySet<string> = new Set()): Weights =>
  Object.fromEntries(
    [...graph.initializers]
      .filter(([name]) => !skip.has(name))
      .map(([name, { data, dims }]) => [name, np.array(data as Float32Array<ArrayBuffer>, { shape: [...dims] })]),
  )

async function forward(jax: Jax, { graph: build, batch }: Network): Promise<Case> {
  const graph = fuseForInference(build())
  const weights = weightsOf(jax, graph)
  const network = jax.jit(networkOf(jax, graph, false) as never) as unknown as (weights: Weights, images: Array_) => Array_
  const images = normalized(dataset(batch).images) as Float32Array<ArrayBuffer>
  const shared = () => Object.fromEntries(Object.entries(weights).map(([name, value]) => [name, value.ref]))
  const run = async () => {
    const x = jax.numpy.array(images, { shape: [batch, 3, 32, 32] })
    return (await patiently(network(shared(), x).data())) as Float32Array
  }
  return { once: async () => ({ ms: await timed(run) }), outputs: async () => Array.from(await run()) }
}

/** A step compiled as a whole: gradients, momentum and the update. */
async function training(jax: Jax, { graph: build, batch }: Network): Promise<Case> {
  const { numpy: np, nn } = jax
  const graph = build()
  const running = new Set(graph.nodes.filter(({ op }) => op === 'BatchNormalization').flatMap(({ inputs }) => inputs.slice(3)))
  const plain: Graph = {
    ...graph,
    nodes: graph.nodes.map((node) => (node.op === 'BatchNormalization' ? { ...node, inputs: node.inputs.slice(0, 3) } : node)),
  }
  const network = networkOf(jax, plain, true)
  const data = dataset(batch)
  const labels = np.array(
    Float32Array.from({ length: batch * classes }, (_, i) => (data.labels[Math.floor(i / classes)] === i % classes ? 1 : 0)),
    {
      shape: [batch, classes],
    },
  )
  const images = np.array(normalized(data.images) as Float32Array<ArrayBuffer>, { shape: [batch, 3, 32, 32] })
  const loss = (weights: Weights, x: Array_, y: Array_) =>
    nn
      .logSoftmax(network(weights, x), 1)
      .mul(y)
      .sum()
      .mul(-1 / batch)
  type State = [Weights, Weights, Array_]
  const step = jax.jit(((weights: Weights, velocity: Weights, x: Array_, y: Array_): State => {
    const [value, gradients] = jax.valueAndGrad(loss as never)(
      ...([Object.fromEntries(Object.entries(weights).map(([name, each]) => [name, each.ref])), x, y] as never),
    ) as unknown as [Array_, Weights]
    const next: [Weights, Weights] = [{}, {}]
    for (const [name, weight] of Object.entries(weights)) {
      const moved = velocity[name].mul(momentum).add(gradients[name])
      next[0][name] = weight.sub(moved.ref.mul(learningRate))
      next[1][name] = moved
    }
    return [...next, value]
  }) as never) as unknown as (weights: Weights, velocity: Weights, x: Array_, y: Array_) => State
  let weights = weightsOf(jax, graph, running)
  let velocity: Weights = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, np.zeros(shape)]))
  const run = async (): Promise<number> => {
    let value: Array_
    ;[weights, velocity, value] = step(weights, velocity, images.ref, labels.ref)
    return ((await patiently(value.data())) as Float32Array)[0]
  }
  return {
    once: async () => ({ ms: await timed(run) }),
    async outputs() {
      const losses: number[] = []
      for (let i = 0; i < comparedSteps; i++) losses.push(await run())
      return losses
    },
  }
}
