/** The parts of an ONNX file as plain data: nothing is known yet of how they fit together. */
import type { Attribute, Attributes } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { TensorData, ValueInfo } from '../graph.js'
import { createNames } from '../names.js'
import { type Budget, createBudget } from './budget.js'
import { readAttribute } from './call.js'
import { decodeModel } from './decode.js'
import { isControl, isOperator } from './operators.js'
import { AttributeProto_AttributeType as AttributeType, type GraphProto, type NodeProto, type ValueInfoProto } from './proto/onnx_pb.js'
import { createTensorReader, dataType, highestRank, type ReadExternal, type ReadTensor, typeName } from './tensors.js'

export interface ImportOptions {
  /** Named in errors. */
  readonly file?: string
  /** Reads weights that lie beside the model. */
  readonly readExternal?: ReadExternal
  /**
   * Bytes of memory that reading may take. When absent, 512 MiB and 8 bytes for each that lies on disk: what asks for more in so small a
   * file is no network but a mistake, or an attack.
   */
  readonly memoryLimit?: number
}

/** A node of the file, its tensor attribute (Constant, ConstantOfShape) read. */
export interface SourceNode {
  readonly op: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
  readonly tensor?: TensorData
}

export interface Source {
  readonly file: string | undefined
  readonly budget: Budget
  readonly name: string
  readonly opset: number
  readonly metadata: Readonly<Record<string, string>>
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfoProto[]
  /** What the file says of tensors between nodes. */
  readonly values: readonly ValueInfoProto[]
  readonly constants: ReadonlyMap<string, TensorData>
  readonly nodes: readonly SourceNode[]
}

export async function readSource(bytes: Uint8Array, options: ImportOptions): Promise<Source> {
  const { file, readExternal } = options
  const budget = createBudget(file, options.memoryLimit)
  budget.grant(bytes.length)
  const { model, graph, opset } = decodeModel(bytes, file, budget)
  const readTensor = createTensorReader({ file, readExternal, budget })
  if (graph.sparseInitializer.length > 0)
    throw new InputError('unsupported', { file, field: 'sparse_initializer', expected: 'dense initialisers', found: 'sparse ones' })
  const constants = new Map<string, TensorData>()
  for (const proto of graph.initializer) {
    const field = `initializer '${proto.name}'`
    if (constants.has(proto.name)) throw new InputError('given twice', { file, field })
    constants.set(proto.name, await readTensor(proto, field))
  }
  // Until IR version 4 initialisers had to be listed as inputs too.
  const inputs = graph.input.filter(({ name }) => !constants.has(name)).map((proto) => readInput(proto, file))
  expectOnce(inputs, 'input', file)
  expectOnce(graph.output, 'output', file)
  return {
    file,
    budget,
    name: graph.name || 'graph',
    opset,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    inputs,
    outputs: graph.output,
    values: graph.valueInfo,
    constants,
    nodes: await readNodes(graph, file, readTensor),
  }
}

function expectOnce(tensors: readonly { readonly name: string }[], what: string, file: string | undefined): void {
  const names = new Set<string>()
  for (const { name } of tensors) {
    if (names.has(name)) throw new InputError('given twice', { file, field: `${what} '${name}'` })
    names.add(name)
  }
}

function readInput(proto: ValueInfoProto, file: string | undefined): ValueInfo {
  const field = `input '${proto.name}'`
  const tensor = proto.type?.value.case === 'tensorType' ? proto.type.value.value : undefined
  const type = tensor && dataType(tensor.elemType)
  if (!tensor || !type)
    throw new InputError('unsupported type', {
      file,
      field,
      expected: 'a tensor of numbers',
      found: tensor ? typeName(tensor.elemType) : 'something else',
    })
  const dims = tensor.shape?.dim ?? []
  if (dims.length > highestRank)
    throw new InputError('bad dimensions', { file, field, expected: `at most ${highestRank}`, found: dims.length })
  const shape = dims.map(({ value }, axis) => {
    if (value.case === 'dimValue' && value.value > 0n && value.value <= Number.MAX_SAFE_INTEGER) return Number(value.value)
    if (axis === 0) return 'N'
    throw new InputError('only the batch may be free', {
      file,
      field: `${field}, axis ${axis}`,
      expected: 'a fixed size (export the model again, or fix it with onnxruntime.tools.make_dynamic_shape_fixed)',
      found: value.case === 'dimParam' ? `'${value.value}'` : `${value.value ?? 'none'}`,
    })
  })
  if (shape.length === 0)
    throw new InputError('no shape', {
      file,
      field,
      expected: 'dimensions such as [N, 3, 32, 32]',
      found: tensor.shape ? 'a single number (make it a constant)' : 'none',
    })
  return { name: proto.name, shape, type }
}

async function readNodes(graph: GraphProto, file: string | undefined, readTensor: ReadTensor): Promise<SourceNode[]> {
  const nodes: SourceNode[] = []
  const free = createNames()
  const read = new Set(graph.output.map(({ name }) => name))
  for (const { input } of graph.node) for (const name of input) read.add(name)
  for (const [index, proto] of graph.node.entries()) {
    const node = await readNode(proto, free(proto.name || `${proto.opType}_${index}`), file, readTensor)
    // Old exporters list the mask and the indices although nobody reads them.
    const optional = node.op === 'Dropout' || node.op === 'MaxPool'
    nodes.push(optional ? { ...node, outputs: node.outputs.filter((output, i) => i === 0 || read.has(output)) } : node)
  }
  return nodes
}

async function readNode(proto: NodeProto, name: string, file: string | undefined, readTensor: ReadTensor): Promise<SourceNode> {
  const op = proto.opType
  const field = `node '${name}' (${op})`
  const refuse = (expected: string, found: string): never => {
    throw new InputError('cannot be imported', { file, field, expected, found })
  }
  if (proto.domain !== '' && proto.domain !== 'ai.onnx')
    refuse('operators of the default ONNX domain (export without runtime-specific optimisation)', `domain '${proto.domain}'`)
  if (isControl(op)) refuse('a network without control flow and sequences (export with constant conditions, or unroll it)', op)
  if (!isOperator(op)) refuse('an operator of ONNX', `'${op}'`)
  const attributes: Record<string, Attribute> = {}
  let tensor: TensorData | undefined
  for (const attribute of proto.attribute) {
    const value = readAttribute(attribute)
    if ([value].flat().some(Number.isNaN) && op !== 'Constant') refuse(`attribute ${attribute.name} to be a number`, 'NaN')
    if (value !== undefined) attributes[attribute.name] = value
    else if (attribute.type === AttributeType.TENSOR && attribute.t && attribute.name === 'value')
      tensor = await readTensor(attribute.t, `${field}, attribute value`)
    else refuse('attributes that are numbers or strings', `'${attribute.name}' of type ${AttributeType[attribute.type] ?? attribute.type}`)
  }
  return { op, name, inputs: proto.input, outputs: proto.output, attributes, tensor }
}
