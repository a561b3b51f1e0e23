/** The second runtime that must agree, where it is installed. It is no dependency: nothing but checks needs it. */
import type { Gpu } from '@espalier/kernels'
import { type Dataset, type Graph, openModel } from '@espalier/nn'

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>
}

interface Runtime {
  InferenceSession: { create(bytes: Uint8Array): Promise<Session> }
  Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown
}

/** Greatest difference between our outputs and onnxruntime's on some images; undefined when onnxruntime-node is not installed. */
export async function compareWithOnnxRuntime(gpu: Gpu, graph: Graph, bytes: Uint8Array, images: Dataset): Promise<number | undefined> {
  const runtime = await load()
  if (!runtime) return undefined
  const dims = [images.count, ...images.shape]
  const data = Float32Array.from(images.images, (value) => value / 127.5 - 1)
  const session = await runtime.InferenceSession.create(bytes)
  const theirs = await session.run({ [graph.inputs[0].name]: new runtime.Tensor('float32', data, dims) })
  const model = await openModel(bytes, { gpu })
  try {
    const ours = await model.run({ [graph.inputs[0].name]: { dims, data } })
    const { name } = graph.outputs[0]
    return ours[name].data.reduce((greatest, value, i) => Math.max(greatest, Math.abs(value - theirs[name].data[i])), 0)
  } finally {
    model.close()
  }
}

async function load(): Promise<Runtime | undefined> {
  // Not a literal, so that neither types nor bundlers ask for it.
  const name = 'onnxruntime-node'
  try {
    const module = (await import(/* @vite-ignore */ name)) as Partial<Runtime> & { default?: Runtime }
    // A CommonJS module: where its names are not found by name, they are in its default.
    return module.InferenceSession ? (module as Runtime) : module.default
  } catch {
    return undefined
  }
}
