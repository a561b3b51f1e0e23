import {
  allocate,
  createProgram,
  type Dispatch,
  elements,
  type Gpu,
  operations,
  type Placement,
  readBuffer,
  type Shape,
  type Tensor,
  validate,
} from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { Graph, TensorData } from '../graph.js'
import { inferShapes, unsupported } from '../shapes.js'
import { fuseForInference } from './fuse.js'
import { type Lifetime, planMemory } from './plan.js'
import { splitLargeWeights } from './split-weights.js'

/** A tensor that is part of another: `offset` in elements, a multiple of 64 (WebGPU binds at multiples of 256 bytes). */
export interface View {
  readonly base: string
  readonly offset: number
}

export interface CompileOptions {
  /** What the free dimensions of the inputs become. */
  readonly batch: number
  /** Tensors to be readable after a run, besides the graph's outputs. */
  readonly keep?: readonly string[]
  /** Parameters and gradients that lie in flat vectors (so that one dispatch updates them all). Bases are initialisers or node outputs declared in `shapes`. */
  readonly views?: ReadonlyMap<string, View>
  /** Shapes of tensors that no node makes as a whole (bases of views). */
  readonly shapes?: ReadonlyMap<string, Shape>
}

/** A network made ready for one batch size: memory planned, pipelines compiled, everything bound. Runs are replays. */
export interface Executable {
  /** Encodes one compute pass over everything and submits it. Does not wait. */
  run(): void
  /** Copies into an input or initialiser, which keeps it from run to run; the data's length in bytes may be shorter than the tensor. */
  write(name: string, data: Float32Array | Uint32Array | Uint8Array | Int32Array): void
  /** Copies the bytes of an output, kept tensor or input, on the device, to `offset` (a multiple of 4) of a buffer, or from there. Does not wait. */
  save(name: string, buffer: GPUBuffer, offset: number): void
  load(name: string, buffer: GPUBuffer, offset: number): void
  /** Reads an output, kept tensor or initialiser back. Waits for submitted work. */
  read(name: string): Promise<Float32Array>
  readU32(name: string): Promise<Uint32Array>
  readonly shapes: ReadonlyMap<string, Shape>
  readonly plan: {
    readonly arenaBytes: number
    readonly persistentBytes: number
    readonly lowerBoundBytes: number
    readonly dispatches: number
  }
  destroy(): void
}

const alignment = 256
/** Operations that only rename bytes: their output is a view of their input. */
const aliases = new Set(['Flatten', 'Reshape', 'Identity', 'Dropout', 'Unsqueeze', 'Squeeze'])

/**
 * Compiles a graph for a batch size. Initialisers, and what operations update in place, persist between runs;
 * everything else lives in one arena. Errors name the node.
 */
export async function compile(gpu: Gpu, given: Graph, options: CompileOptions): Promise<Executable> {
  const graph = splitLargeWeights(given, gpu.target.maxBindingBytes)
  const shapes = inferShapes(graph, options)
  const views = new Map(options.views)
  const external = new Set([...graph.outputs.map((output) => output.name), ...(options.keep ?? [])])
  for (const node of graph.nodes) {
    if (aliases.has(node.op)) for (const output of node.outputs) if (output) views.set(output, { base: node.inputs[0], offset: 0 })
  }
  const tensors = new Map<string, Tensor>()
  const names = new Map<Tensor, string>()
  const tensorOf = (name: string): Tensor => {
    let tensor = tensors.get(name)
    if (!tensor) {
      const shape = shapes.get(name)
      if (!shape) throw new InputError(`compile: tensor '${name}' has no shape`)
      tensor = { name, shape }
      tensors.set(name, tensor)
      names.set(tensor, name)
    }
    return tensor
  }
  const declare = (): Dispatch[] =>
    graph.nodes.flatMap((node) => {
      if (aliases.has(node.op)) return []
      const operation = operations[node.op]
      if (!operation) throw unsupported(node)
      const outputShapes = operation.infer(
        node.attributes,
        node.inputs.map((name) => (name ? shapes.get(name) : undefined)),
      )
      const outputs = outputShapes.map((shape, i) => {
        const name = node.outputs[i] || `${node.name}:unused${i}`
        shapes.set(name, shape)
        return tensorOf(name)
      })
      return operation.dispatches(
        node.attributes,
        node.inputs.map((name) => (name ? tensorOf(name) : undefined)),
        outputs,
        gpu.target,
      )
    })
  let dispatches = declare()
  // A kernel that turns out wrong on this adapter makes room for the next best, which is tried in its turn.
  while ((await validate(gpu, dispatches)).length > 0) dispatches = declare()

  // Roots own bytes; views resolve to a root and an offset.
  const resolve = (name: string): View => {
    let offset = 0
    let base = name
    for (let view = views.get(base); view; view = views.get(base)) {
      offset += view.offset
      base = view.base
    }
    return { base, offset }
  }
  let anonymous = 0
  const rootOf = (tensor: Tensor): string => {
    let name = names.get(tensor)
    if (name === undefined) {
      name = `scratch${anonymous++}:${tensor.name}`
      names.set(tensor, name)
      shapes.set(name, tensor.shape)
    }
    return resolve(name).base
  }
  const end = dispatches.length
  const spans = new Map<string, { first: number; last: number }>()
  const touch = (root: string, step: number) => {
    const span = spans.get(root)
    if (!span) spans.set(root, { first: step, last: step })
    else {
      span.first = Math.min(span.first, step)
      span.last = Math.max(span.last, step)
    }
  }
  dispatches.forEach((dispatch, step) => {
    for (const tensor of dispatch.operands) if (tensor) touch(rootOf(tensor), step)
  })
  const persistent = new Set([...graph.initializers.keys()].map((name) => resolve(name).base))
  for (const input of graph.inputs) {
    const { base } = resolve(input.name)
    if (persistent.has(input.name) || !(spans.has(base) || external.has(input.name))) continue
    touch(base, -1)
    // What was written stays until it is written again: masks are set once for many runs.
    touch(base, end)
  }
  for (const name of external) {
    if (!shapes.has(name)) throw new InputError(`compile: output '${name}' is made by no node`)
    touch(resolve(name).base, end)
  }
  const bytesOf = (name: string) => elements(shapes.get(name)!) * 4
  const lifetimes: Lifetime[] = []
  const persistentLifetimes: Lifetime[] = []
  for (const [name, span] of spans) {
    if (persistent.has(name)) persistentLifetimes.push({ name, bytes: bytesOf(name), first: 0, last: 0 })
    else lifetimes.push({ name, bytes: bytesOf(name), ...span })
  }
  const plan = planMemory(lifetimes, alignment)
  const persistentPlan = planMemory(persistentLifetimes, alignment)
  const limit = gpu.limits.maxBufferSize
  for (const [what, bytes] of [
    ['activations', plan.bytes],
    ['parameters', persistentPlan.bytes],
  ] as const) {
    if (bytes > limit)
      throw new InputError(
        `compile: ${what} of '${graph.name}' at batch ${options.batch} need ${bytes} bytes, more than the ${limit} of one buffer on '${gpu.info.name}'; use a smaller batch`,
      )
  }
  const arena = await allocate(gpu, `arena of ${graph.name}`, plan.bytes)
  const store = await allocate(gpu, `parameters of ${graph.name}`, persistentPlan.bytes)
  const placeName = (name: string): Placement => {
    const { base, offset } = resolve(name)
    const inStore = persistentPlan.offsets.get(base)
    const start = inStore ?? plan.offsets.get(base)
    if (start === undefined) throw new InputError(`compile: tensor '${name}' is used by no operation`)
    return { buffer: inStore === undefined ? arena : store, offset: start + offset * 4 }
  }
  const program = await createProgram(gpu, dispatches, (tensor) => placeName(names.get(tensor)!))
  const { queue } = gpu.device
  for (const [name, tensor] of graph.initializers) {
    if (spans.has(resolve(name).base)) upload(queue, placeName(name), tensor, name)
  }
  let destroyed = false
  const alive = () => {
    if (destroyed) throw new Error(`the executable of '${graph.name}' was destroyed`)
    gpu.check()
  }
  const copy = (from: Placement, to: Placement, bytes: number) => {
    alive()
    const encoder = gpu.device.createCommandEncoder({ label: graph.name })
    encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes)
    queue.submit([encoder.finish()])
  }
  return {
    run() {
      alive()
      const encoder = gpu.device.createCommandEncoder({ label: graph.name })
      const pass = encoder.beginComputePass({ label: graph.name })
      program.encode(pass)
      pass.end()
      queue.submit([encoder.finish()])
    },
    write(name, data) {
      alive()
      if (data.byteLength > Math.ceil(bytesOf(name) / 4) * 4)
        throw new InputError(
          `write '${name}': ${data.byteLength} bytes given, the tensor [${shapes.get(name)!.join(', ')}] holds ${bytesOf(name)}`,
        )
      const { buffer, offset } = placeName(name)
      queue.writeBuffer(buffer, offset, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    },
    save: (name, buffer, offset) => copy(placeName(name), { buffer, offset }, bytesOf(name)),
    load: (name, buffer, offset) => copy({ buffer, offset }, placeName(name), bytesOf(name)),
    async read(name) {
      alive()
      const { buffer, offset } = placeName(name)
      return new Float32Array(await readBuffer(gpu, buffer, offset, bytesOf(name)))
    },
    async readU32(name) {
      alive()
      const { buffer, offset } = placeName(name)
      return new Uint32Array(await readBuffer(gpu, buffer, offset, bytesOf(name)))
    },
    shapes,
    plan: {
      arenaBytes: plan.bytes,
      persistentBytes: persistentPlan.bytes,
      lowerBoundBytes: plan.lowerBound,
      dispatches: dispatches.length,
    },
    destroy() {
      if (destroyed) return
      destroyed = true
      program.destroy()
      arena.destroy()
      store.destroy()
    },
  }
}

function upload(queue: GPUQueue, { buffer, offset }: Placement, tensor: TensorData, name: string): void {
  const { data } = tensor
  const words =
    data instanceof Float32Array
      ? data
      : ['int64', 'int32', 'uint8', 'bool'].includes(tensor.type)
        ? Int32Array.from(data as ArrayLike<number | bigint>, Number)
        : undefined
  if (!words) throw new InputError(`initialiser '${name}' is ${tensor.type}; operations take float32 (import converts it)`)
  queue.writeBuffer(buffer, offset, words.buffer as ArrayBuffer, words.byteOffset, words.byteLength)
}

/**
 * Bytes of activations that the inference plan of the graph needs at its peak (batch 1): node outputs and inputs,
 * as raw float32 sizes, without kernels' scratch, so that the figure is the same on every adapter.
 */
export function activationMemory(graph: Graph, { batch }: { batch: number } = { batch: 1 }): { bytes: number; lowerBound: number } {
  const shapes = inferShapes(graph, { batch })
  const base = new Map<string, string>()
  const root = (name: string): string => (base.has(name) ? root(base.get(name)!) : name)
  const spans = new Map<string, [number, number]>()
  const touch = (name: string, step: number) => {
    const key = root(name)
    if (!key || graph.initializers.has(key)) return
    const span = spans.get(key)
    if (span) span[1] = Math.max(span[1], step)
    else spans.set(key, [step, step])
  }
  for (const input of graph.inputs) touch(input.name, 0)
  graph.nodes.forEach((node, step) => {
    if (aliases.has(node.op)) base.set(node.outputs[0], node.inputs[0])
    else for (const name of [...node.inputs, ...node.outputs]) touch(name, step)
  })
  for (const output of graph.outputs) touch(output.name, graph.nodes.length)
  const lifetimes = [...spans].map(([name, [first, last]]) => ({ name, bytes: elements(shapes.get(name)!) * 4, first, last }))
  const plan = planMemory(lifetimes, 4)
  return { bytes: plan.bytes, lowerBound: plan.lowerBound }
}

/** The `memory` of a network: peak activation bytes of its inference plan at batch 1, after fusion. */
export function memoryOf(graph: Graph): number {
  return activationMemory(fuseForInference(graph)).bytes
}
