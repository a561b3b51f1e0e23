/** Small ONNX files of any opset, as other exporters write them, and the runtime of others to run them in. */
import { create, toBinary } from '@bufbuild/protobuf'
import * as ort from 'onnxruntime-node'
import type { Graph, TensorData } from '../../graph.js'
import { createRandom } from '../../random.js'
import { attributeProto, tensorProto } from '../export.js'
import {
  type AttributeProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorProto_DataType as Type,
} from '../proto/onnx_pb.js'

export interface FileNode {
  op: string
  inputs: string[]
  outputs?: string[]
  name?: string
  domain?: string
  /** Floats are told from integers as `exportOnnx` tells them. */
  attributes?: Record<string, number | string | number[] | AttributeProto>
}

export interface FileOptions {
  opset?: number
  irVersion?: number
  /** Shapes by name; float32. */
  inputs?: Record<string, (number | string)[]>
  outputs?: string[]
  nodes: FileNode[]
  constants?: (TensorProto | [name: string, dims: number[], values: number[], type?: 'int64' | 'float32'])[]
}

/** A node without outputs makes the tensor 'y'. */
export function onnxFile(options: FileOptions): Uint8Array {
  const { opset = 17, irVersion = 8, inputs = { x: ['batch', 3, 8, 8] }, outputs = ['y'], nodes, constants = [] } = options
  const value = (name: string, shape?: (number | string)[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: Type.FLOAT,
          shape: shape && {
            dim: shape.map((size) => ({
              value:
                typeof size === 'number' ? { case: 'dimValue' as const, value: BigInt(size) } : { case: 'dimParam' as const, value: size },
            })),
          },
        },
      },
    },
  })
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      opsetImport: [{ domain: '', version: BigInt(opset) }],
      graph: {
        name: 'test',
        input: Object.entries(inputs).map(([name, shape]) => value(name, shape)),
        output: outputs.map((name) => value(name)),
        initializer: constants.map((each) => (Array.isArray(each) ? tensorProto(each[0], constant(each[1], each[2], each[3])) : each)),
        node: nodes.map(({ op, inputs, outputs = ['y'], name = '', domain = '', attributes = {} }) => ({
          name,
          domain,
          opType: op,
          input: inputs,
          output: outputs,
          attribute: Object.entries(attributes).map(([key, given]) =>
            typeof given === 'object' && '$typeName' in given ? given : attributeProto(key, given),
          ),
        })),
      },
    }),
  )
}

function constant(dims: number[], values: number[], type: 'int64' | 'float32' = 'float32'): TensorData {
  return { dims, type, data: type === 'int64' ? BigInt64Array.from(values, BigInt) : Float32Array.from(values) }
}

export const rawTensor = (name: string, dims: number[], dataType: Type, fields: Partial<TensorProto>): TensorProto =>
  create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType, ...fields } as Partial<TensorProto> as TensorProto)

export type Outputs = Record<string, { dims: readonly number[]; data: Float32Array }>

/** Runs a file on random normal inputs; free sizes are `batch`. */
export async function runFile(bytes: Uint8Array, batch = 1): Promise<Outputs> {
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  try {
    const feeds: Record<string, ort.Tensor> = {}
    for (const input of session.inputMetadata) {
      if (!input.isTensor) throw new Error(`'${input.name}' is no tensor`)
      const dims = input.shape.map((size) => (typeof size === 'number' && size > 0 ? size : batch))
      const random = createRandom(1, input.name)
      feeds[input.name] = new ort.Tensor(
        'float32',
        Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
        dims,
      )
    }
    const results = await session.run(feeds)
    return Object.fromEntries(Object.entries(results).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }]))
  } finally {
    await session.release()
  }
}

/** Largest difference, relative to the largest value expected (at least 1); infinite where names or sizes differ. */
export function difference(found: Outputs, expected: Outputs): number {
  if (Object.keys(found).length !== Object.keys(expected).length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (const [name, { dims, data }] of Object.entries(expected)) {
    const other = found[name]
    if (other?.dims.join() !== dims.join()) return Number.POSITIVE_INFINITY
    const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
    for (const [i, value] of data.entries()) {
      const distance = value === other.data[i] ? 0 : Math.abs(value - other.data[i]) / scale
      if (!(distance <= worst)) worst = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance
    }
  }
  return worst
}

/** A graph that `toEqual` compares quickly: weights as text of their bytes. */
export function comparable(graph: Graph): unknown {
  const initializers = [...graph.initializers].map(([name, { dims, type, data }]) => ({
    name,
    dims,
    type,
    bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1'),
  }))
  return { ...graph, initializers: initializers.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}
