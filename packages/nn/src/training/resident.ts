/** What is the same for all candidates of a search, computed once and kept on the device. */
import { allocate, elements, type Gpu, type Shape } from '@espalier/kernels'
import { compile, type Executable } from '../engine/compile.js'
import { dropUnused, reachedFrom } from '../engine/fuse.js'
import type { Graph, Node } from '../graph.js'
import { inferShapes } from '../shapes.js'

/** Most bytes that are kept, by the kind of adapter. */
export const mostResident = { hardware: 2 ** 30, cpu: 2 ** 28, software: 2 ** 28 } as const

export interface Parts {
  /** The input that `before` reads. */
  readonly source: string
  readonly before: Graph
  readonly after: Graph
  /** Tensors that `before` makes and `after` reads. */
  readonly between: readonly { readonly name: string; readonly shape: Shape }[]
}

/**
 * A graph in two: what `source` alone decides, and what one of `varying` has a part in. Candidates repeat the images in the second part, so that only one
 * copy of them is kept. Undefined where the second reads `source` itself, or nothing of the first.
 */
export function splitVarying(graph: Graph, source: string, varying: readonly string[], batch: number): Parts | undefined {
  const repeated = graph.nodes.flatMap(({ op, outputs }) => (op === 'RepeatBatch' ? outputs : []))
  const varies = reachedFrom(graph.nodes, [...varying, ...repeated, ...updated(graph)])
  const seen = reachedFrom(graph.nodes, [source])
  const early = (node: Node) =>
    node.outputs.length > 0 &&
    node.outputs.every((name) => seen.has(name) && !varies.has(name)) &&
    !node.inputs.some((name) => varies.has(name))
  const before = graph.nodes.filter(early)
  const after = graph.nodes.filter((node) => !early(node))
  const made = new Set(before.flatMap(({ outputs }) => outputs))
  const read = new Set(after.flatMap(({ inputs }) => inputs))
  const names = [...made].filter((name) => read.has(name))
  if (names.length === 0 || read.has(source)) return undefined
  const shapes = inferShapes(graph, { batch })
  const between = names.map((name) => ({ name, shape: shapes.get(name)! }))
  const value = ({ name, shape }: (typeof between)[number]) => ({ name, shape, type: 'float32' as const })
  const inputs = (first: boolean) => graph.inputs.filter(({ name }) => (name === source) === first)
  return {
    source,
    before: dropUnused({ ...graph, nodes: before, inputs: inputs(true), outputs: between.map(value) }),
    after: dropUnused({ ...graph, nodes: after, inputs: [...inputs(false), ...between.map(value)] }),
    between,
  }
}

/** Constants that nodes without outputs change (sums). */
const updated = ({ nodes, initializers }: Graph) =>
  nodes.flatMap(({ inputs, outputs }) => (outputs.length === 0 ? inputs.filter((name) => initializers.has(name)) : []))

const bytesOf = ({ shape }: { shape: Shape }) => elements(shape) * 4

export const residentBytes = (between: Parts['between'], runs: number): number =>
  runs * between.reduce((sum, tensor) => sum + bytesOf(tensor), 0)

/** Runs the first part on every batch. `load` gives the second what it made of one of them. */
export async function computeOnce(
  gpu: Gpu,
  { source, before, between }: Parts,
  batch: number,
  runs: number,
  images: (run: number) => Uint8Array,
): Promise<{ load(executable: Executable, run: number): void; destroy(): void }> {
  const buffers: GPUBuffer[] = []
  for (const tensor of between) buffers.push(await allocate(gpu, `${tensor.name} of all images`, runs * bytesOf(tensor)))
  const each = (run: number, copy: (name: string, buffer: GPUBuffer, offset: number) => void) =>
    between.forEach((tensor, i) => {
      copy(tensor.name, buffers[i], run * bytesOf(tensor))
    })
  const executable = await compile(gpu, before, { batch })
  for (let run = 0; run < runs; run++) {
    executable.write(source, images(run))
    executable.run()
    each(run, executable.save)
    await gpu.sync()
  }
  executable.destroy()
  return {
    load: (target, run) => each(run, target.load),
    destroy() {
      for (const buffer of buffers) buffer.destroy()
    },
  }
}
