/** A `Graph` to an ONNX file of opset 17. */
import { create, toBinary } from '@bufbuild/protobuf'
import { type Attribute, elements } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { DataType, Graph, Node, TensorData, ValueInfo } from '../graph.js'
import { createNames } from '../names.js'
import { decompose, type Naming } from './decompose.js'
import { fromNumbers } from './fold.js'
import { isExportable } from './operators.js'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './proto/onnx_pb.js'

const elementTypes: Readonly<Record<DataType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  float64: TensorProto_DataType.DOUBLE,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
}

/**
 * ONNX bytes of a graph: opset 17, IR version 8, weights as raw data, the batch by its name, metadata sorted by key. The same graph
 * gives the same bytes, and `importOnnx` gives the same graph back, but for what opset 17 has no operator for: that is written in several
 * that it has, where that can be (`decompose.ts`).
 *
 * Throws an Error for other operations that it does not have: those of training, masking and fusion are made by the engine and
 * have no place in a file.
 */
export function exportOnnx(graph: Graph): Uint8Array<ArrayBuffer> {
  const free = createNames(
    new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]),
  )
  const constants: TensorProto[] = []
  const constant: Naming['constant'] = (name, tensor) => {
    const unique = free(name)
    constants.push(tensorProto(unique, tensor))
    return unique
  }
  const nodes = decompose(graph, { fresh: free, constant }).map((node) => nodeProto(node, constant))
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'espalier',
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: nodes,
      initializer: [...[...graph.initializers].map(([name, tensor]) => tensorProto(name, tensor)), ...constants],
      input: graph.inputs.map(valueProto),
      output: graph.outputs.map(valueProto),
    }),
    metadataProps: Object.keys(graph.metadata)
      .sort(compare)
      .map((key) => ({ key, value: graph.metadata[key] })),
  })
  const bytes = graph.initializers.size > 0 ? [...graph.initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0) : 0
  if (bytes > 2 ** 31 - 2 ** 20)
    throw new InputError('too large for one ONNX file', { expected: 'less than 2 GiB of weights', found: `${bytes} bytes` })
  return toBinary(ModelProtoSchema, model)
}

/** By UTF-16 units, the same everywhere. */
const compare = (a: string, b: string): number => (a < b ? -1 : 1)

export function tensorProto(name: string, { dims, type, data }: TensorData): TensorProto {
  if (data.length !== elements(dims))
    throw new Error(`exportOnnx: initializer '${name}': expected ${elements(dims)} elements for [${dims}], found ${data.length}`)
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: elementTypes[type],
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  })
}

function valueProto({ name, shape, type }: ValueInfo): ValueInfoProto {
  const dim = shape.map((size) => ({
    value: typeof size === 'number' ? ({ case: 'dimValue', value: BigInt(size) } as const) : ({ case: 'dimParam', value: size } as const),
  }))
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: elementTypes[type], shape: { dim } } } },
  })
}

/** Attributes that ONNX declares as floats: their value may happen to be whole. */
const floatAttributes = new Set(
  'alpha beta gamma epsilon momentum bias lambd ratio cubic_coeff_a extrapolation_value spatial_scale threshold high low mean scale seed'.split(
    ' ',
  ),
)

const text = new TextEncoder()

export function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string') return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: text.encode(value) })
  if (typeof value === 'boolean') return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: value ? 1n : 0n })
  if (typeof value === 'number') {
    return floatAttributes.has(name) || !Number.isInteger(value)
      ? create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value })
      : create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
  }
  if (value.some((each) => typeof each === 'string'))
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRINGS,
      strings: (value as string[]).map((each) => text.encode(each)),
    })
  const numbers = value as readonly number[]
  return numbers.every(Number.isInteger)
    ? create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: numbers.map(BigInt) })
    : create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...numbers] })
}

const float32Max = 3.4028234663852886e38

/** Inputs that opset 17 wants for what a Graph holds as attributes: [name of the attribute, position, type]; all others stay attributes. */
const asInputs: Readonly<Record<string, readonly (readonly [string, number, 'int64' | 'float32' | 'scalar'])[]>> = {
  Clip: [
    ['min', 1, 'scalar'],
    ['max', 2, 'scalar'],
  ],
  Pad: [
    ['pads', 1, 'int64'],
    ['value', 2, 'scalar'],
  ],
  Slice: [
    ['starts', 1, 'int64'],
    ['ends', 2, 'int64'],
    ['axes', 3, 'int64'],
    ['steps', 4, 'int64'],
  ],
  Reshape: [['shape', 1, 'int64']],
  Expand: [['shape', 1, 'int64']],
  Squeeze: [['axes', 1, 'int64']],
  Unsqueeze: [['axes', 1, 'int64']],
  ReduceSum: [['axes', 1, 'int64']],
  Split: [['split', 1, 'int64']],
  Tile: [['repeats', 1, 'int64']],
  Resize: [['scales', 2, 'float32']],
}

function nodeProto(node: Node, constant: Naming['constant']): NodeProto {
  if (!isExportable(node.op))
    throw new Error(
      `exportOnnx: node '${node.name}': ${node.op} is not an operator of ONNX opset 17; export the graph before it is differentiated, masked or fused`,
    )
  if (node.op === 'AveragePool' && node.attributes.dilations)
    throw new Error(
      `exportOnnx: node '${node.name}': AveragePool with dilations [${node.attributes.dilations}] needs opset 19; opset 17 is written`,
    )
  const inputs = [...node.inputs]
  const attributes = { ...node.attributes }
  for (const [name, position, type] of Object.hasOwn(asInputs, node.op) ? asInputs[node.op] : []) {
    const value = attributes[name] as number | readonly number[] | undefined
    delete attributes[name]
    if (value === undefined || (node.op === 'Clip' && Math.abs(value as number) === float32Max)) continue
    while (inputs.length < position) inputs.push('')
    const numbers = [value].flat() as number[]
    inputs[position] = constant(
      `${node.name}.${name}`,
      type === 'scalar' ? fromNumbers(numbers, [], 'float32') : fromNumbers(numbers, [numbers.length], type),
    )
  }
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.op,
    input: inputs,
    output: [...node.outputs],
    attribute: Object.keys(attributes)
      .sort(compare)
      .map((name) => attributeProto(name, attributes[name])),
  })
}
