/** Models and cases of others: `ESPALIER_SHARED` (default: `../shared` beside the repository) has them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { InputError } from '../../errors.js'
import type { Graph, TensorData, ValueInfo } from '../../graph.js'
import { createBudget } from '../budget.js'
import { toNumbers } from '../fold.js'
import { importOnnx } from '../import.js'
import { ModelProtoSchema, TensorProtoSchema } from '../proto/onnx_pb.js'
import { createTensorReader } from '../tensors.js'

export const shared = process.env.ESPALIER_SHARED ?? fileURLToPath(new URL('../../../../../../shared', import.meta.url))

/** ONNX files in a folder of `shared`, in order. */
export const sharedFiles = (folder: string): string[] =>
  (readdirSync(join(shared, folder), { recursive: true }) as string[])
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => join(folder, file))
    .sort((a, b) => (a < b ? -1 : 1))

/** The ONNX project's cases of one operation each, by name; none where the folder does not exist. */
export const caseNames = (): string[] =>
  existsSync(shared) ? readdirSync(join(shared, 'cases/onnx-node')).filter((name) => name.startsWith('test_')) : []

const pathOf = (name: string, file: string) => join(shared, 'cases/onnx-node', name, file)
const modelOf = (name: string) => fromBinary(ModelProtoSchema, readFileSync(pathOf(name, 'model.onnx')))
const protoOf = (name: string, which: string) => fromBinary(TensorProtoSchema, readFileSync(pathOf(name, `test_data_set_0/${which}.pb`)))

/** Operators of a case's file, constants aside. */
export const operatorsOf = (name: string): string[] => [
  ...new Set(modelOf(name).graph!.node.flatMap(({ opType }) => (opType === 'Constant' ? [] : [opType]))),
]

export const importAsWritten = (name: string): Promise<Graph> => importOnnx(readFileSync(pathOf(name, 'model.onnx')), { file: name })

/** The cases hand in as inputs what networks have as constants (axes, sizes, bounds, slopes): all inputs but the first as constants. */
export async function importWithConstants(name: string): Promise<Graph> {
  const model = modelOf(name)
  const { input, initializer } = model.graph!
  const weights = new Set(initializer.map((each) => each.name))
  const rest = input.filter((each) => !weights.has(each.name)).slice(1)
  initializer.push(...rest.map((each, i) => ({ ...protoOf(name, `input_${i + 1}`), name: each.name })))
  return importOnnx(toBinary(ModelProtoSchema, model), { file: name })
}

/** As written; with constants where that is refused for what is known only at run time. */
export async function importCase(name: string): Promise<Graph> {
  try {
    return await importAsWritten(name)
  } catch (error) {
    if (!(error instanceof InputError) || !/run time|no shape/.test(error.message)) throw error
    return importWithConstants(name)
  }
}

const readTensorOf = (file: string) => createTensorReader({ file, readExternal: undefined, budget: createBudget(file, undefined) })

const tensors = (name: string, which: 'input' | 'output', values: readonly ValueInfo[]): Promise<TensorData[]> =>
  Promise.all(values.map((value, i) => readTensorOf(name)(protoOf(name, `${which}_${i}`), value.name)))

/** The inputs that the imported graph still has (the first ones: constants come last), and what its outputs must be. */
export const caseInputs = (name: string, graph: Graph): Promise<TensorData[]> => tensors(name, 'input', graph.inputs)
export const caseOutputs = (name: string, graph: Graph): Promise<TensorData[]> => tensors(name, 'output', graph.outputs)

/** What differs, as ONNX's own runner compares (relative 1e-3, absolute 1e-5); undefined where all agrees. */
export function disagreement(
  found: { dims: readonly number[]; data: ArrayLike<number | bigint> },
  expected: TensorData,
): string | undefined {
  if (found.dims.join() !== expected.dims.join()) return `[${found.dims}] instead of [${expected.dims}]`
  const values = Array.from(found.data, Number)
  const wanted = expected.type === 'float32' ? Array.from(expected.data as Float32Array) : toNumbers(expected)
  const far = wanted.findIndex((value, i) => !(Object.is(values[i], value) || Math.abs(values[i] - value) <= 1e-5 + 1e-3 * Math.abs(value)))
  return far < 0 ? undefined : `element ${far} of [${expected.dims}] is ${values[far]} instead of ${wanted[far]}`
}
