/** One operation as a network of its own: what a kernel reaches with nothing around it. */
import type { Gpu, Operation, Shape } from '@espalier/kernels'
import { compile, type Executable, type Graph } from '@espalier/nn'

export interface Alone {
  readonly executable: Executable
  /** Multiply-accumulates of a run. */
  readonly macs: number
}

/** Inputs are called `input0`, `input1`. */
export async function compileAlone(
  gpu: Gpu,
  operation: Operation,
  attributes: Graph['nodes'][number]['attributes'],
  shapes: readonly Shape[],
): Promise<Alone> {
  const inputs = shapes.map((shape, i) => ({ name: `input${i}`, shape: [...shape], type: 'float32' as const }))
  const names = inputs.map(({ name }) => name)
  const graph: Graph = {
    name: operation.op,
    inputs,
    outputs: [{ name: 'output', shape: [], type: 'float32' }],
    nodes: [{ name: operation.op, op: operation.op, inputs: names, outputs: ['output'], attributes }],
    initializers: new Map(),
    metadata: {},
  }
  const executable = await compile(gpu, graph, { batch: 1 })
  return { executable, macs: macsOf(operation, attributes, shapes) }
}

export const macsOf = (operation: Operation, attributes: Graph['nodes'][number]['attributes'], shapes: readonly Shape[]): number =>
  operation.macs!(attributes, shapes, operation.infer(attributes, shapes))
