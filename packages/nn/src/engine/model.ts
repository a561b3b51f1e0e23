import { acquireGpu, elements, type Gpu } from '@espalier/kernels'
import { readBeside, readFile } from '#platform'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { importOnnx } from '../onnx/index.js'
import { compile, type Executable } from './compile.js'
import { fuseForInference } from './fuse.js'

export interface Value {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

/** A network ready to run. Executables are compiled per batch size when first needed, and kept. */
export interface Model {
  readonly graph: Graph
  /** Outputs by name, for inputs by name; the first dimension of the inputs is the batch. Throws InputError where an input is missing or misshapen. */
  run(inputs: Readonly<Record<string, Value>>): Promise<Record<string, Value>>
  /** Frees the GPU memory; and the GPU itself when openModel opened it. */
  close(): void
}

/**
 * Opens an ONNX model from a path (Node) or its bytes; or a graph. `gpu` is the best adapter there is when absent, `memoryLimit` that of
 * `importOnnx`.
 */
export async function openModel(from: string | Uint8Array | Graph, options: { gpu?: Gpu; memoryLimit?: number } = {}): Promise<Model> {
  const graph = await graphOf(from, options)
  expectFloats(graph)
  const gpu = options.gpu ?? (await acquireGpu())
  const fused = fuseForInference(graph)
  const executables = new Map<number, Promise<Executable>>()
  const feeds = graph.inputs.filter((input) => !graph.initializers.has(input.name))
  // An input of which only the shape matters has no memory.
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs))
  const used = feeds.filter(({ name }) => read.has(name))
  return {
    graph,
    async run(inputs) {
      let batch: number | undefined
      for (const input of feeds) {
        const given = inputs[input.name]
        if (!given)
          throw new InputError(`model '${graph.name}': an input is missing`, {
            field: input.name,
            expected: `[${input.shape.join(', ')}]`,
            found: `inputs ${Object.keys(inputs).join(', ') || 'none'}`,
          })
        const fits =
          given.dims.length === input.shape.length &&
          given.dims.every((dimension) => Number.isSafeInteger(dimension) && dimension > 0) &&
          given.dims.every((dimension, i) => typeof input.shape[i] === 'string' || input.shape[i] === dimension)
        if (!fits || elements(given.dims) !== given.data.length) {
          throw new InputError(`model '${graph.name}': an input does not fit`, {
            field: input.name,
            expected: `[${input.shape.join(', ')}]`,
            found: `[${given.dims.join(', ')}] with ${given.data.length} values`,
          })
        }
        const free = input.shape.findIndex((dimension) => typeof dimension === 'string')
        if (free >= 0) {
          if (batch !== undefined && batch !== given.dims[free])
            throw new InputError(`model '${graph.name}': inputs differ in their batch`, {
              field: input.name,
              expected: batch,
              found: given.dims[free],
            })
          batch = given.dims[free]
        }
      }
      const size = batch ?? 1
      if (!executables.has(size)) executables.set(size, compile(gpu, fused, { batch: size }))
      const executable = await executables.get(size)!
      for (const input of used) executable.write(input.name, inputs[input.name].data)
      executable.run()
      // All copies are under way before anything is awaited: another run, begun meanwhile, writes to the same memory.
      const read = graph.outputs.map(
        async ({ name, type }) =>
          [
            name,
            {
              dims: [...executable.shapes.get(name)!],
              data:
                type === 'float32'
                  ? await executable.read(name)
                  : Float32Array.from(new Int32Array((await executable.readU32(name)).buffer)),
            },
          ] as const,
      )
      return Object.fromEntries(await Promise.all(read))
    },
    close() {
      for (const executable of executables.values()) void executable.then((ready) => ready.destroy()).catch(() => {})
      if (!options.gpu) gpu.close()
    },
  }
}

/** Kernels compute float32. Integers may come out where they are constants: shapes, the mask of a Dropout. */
function expectFloats(graph: Graph): void {
  for (const { name, type } of graph.inputs)
    if (type !== 'float32' && !graph.initializers.has(name))
      throw new InputError('unsupported type', { field: `input '${name}'`, expected: 'float32', found: type })
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)))
  for (const { name, type } of graph.outputs) {
    const node = makers.get(name)
    if (type !== 'float32' && !(node?.op === 'Identity' && graph.initializers.has(node.inputs[0])))
      throw new InputError('unsupported type', {
        field: `output '${name}'${node ? ` of node '${node.name}' (${node.op})` : ''}`,
        expected: 'float32, or a constant',
        found: type,
      })
  }
}

async function graphOf(from: string | Uint8Array | Graph, { memoryLimit }: { memoryLimit?: number }): Promise<Graph> {
  if (typeof from === 'string') return importOnnx(await readFile(from), { file: from, readExternal: readBeside(from), memoryLimit })
  return from instanceof Uint8Array ? importOnnx(from, { memoryLimit }) : from
}
