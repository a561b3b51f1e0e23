/** An ONNX file to a `Graph`. */
import type { Attribute, Attributes, Shape } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { DataType, Graph, Node, TensorData, ValueInfo } from '../graph.js'
import { createCall, type Known, type Lanes, readAttribute } from './call.js'
import { decodeModel } from './decode.js'
import { foldNode, fromNumbers } from './fold.js'
import { normalize, outputType } from './normalize.js'
import { isControl, isOperator } from './operators.js'
import { AttributeProto_AttributeType as AttributeType, type GraphProto, type NodeProto, type ValueInfoProto } from './proto/onnx_pb.js'
import { inferShapesOf, keepsBatch } from './shapes.js'
import { dataType, maxElements, type ReadExternal, readTensor, typeName } from './tensors.js'

export interface ImportOptions {
  /** Named in errors. */
  readonly file?: string
  /** Reads weights that lie beside the model. */
  readonly readExternal?: ReadExternal
}

/**
 * Reads an ONNX model of opset 7 to 21. In the graph that comes back
 *
 * - the batch is free ('N'), also where the file fixes it, unless its operations mix images;
 * - every attribute is explicit; constants that are parameters (bounds, axes, shapes) are attributes;
 * - constant nodes are initialisers, what can be computed from constants and shapes is computed, Identity and Dropout are gone;
 * - half and double precision are float32; unused initialisers and nodes are gone; every node has a name of its own.
 *
 * An operation need not be one that Espalier runs. Throws an InputError with file, node or tensor, expected and found for bytes that
 * are no such model, and for what a Graph cannot hold (control flow, other domains, training forms, parameters computed at run time).
 */
export async function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): Promise<Graph> {
  const { file, readExternal } = options
  const { model, graph, opset } = decodeModel(bytes, file)
  if (graph.sparseInitializer.length > 0)
    throw new InputError('unsupported', { file, field: 'sparse_initializer', expected: 'dense initialisers', found: 'sparse ones' })
  const constants = new Map<string, TensorData>()
  for (const proto of graph.initializer) {
    const field = `initializer '${proto.name}'`
    if (constants.has(proto.name)) throw new InputError('given twice', { file, field })
    constants.set(proto.name, await readTensor(proto, field, file, readExternal))
  }
  // Until IR version 4 initialisers had to be listed as inputs too.
  const inputs = graph.input.filter(({ name }) => !constants.has(name)).map((proto) => readInput(proto, file))
  const sources = await readNodes(graph, file, readExternal)
  const source: Source = { graph, opset, file, constants, inputs, nodes: sources }
  const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]))
  return assemble(source, readWithBatch(source), metadata)
}

/** A node of the file, its tensor attribute (Constant, ConstantOfShape) read. */
interface SourceNode {
  readonly op: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
  readonly tensor?: TensorData
}

interface Source {
  readonly graph: GraphProto
  readonly opset: number
  readonly file: string | undefined
  readonly constants: ReadonlyMap<string, TensorData>
  readonly inputs: readonly ValueInfo[]
  readonly nodes: readonly SourceNode[]
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
  const shape = dims.map(({ value }, axis) => {
    if (value.case === 'dimValue' && value.value > 0n) return Number(value.value)
    if (axis === 0) return 'N'
    throw new InputError('only the batch may be free', {
      file,
      field: `${field}, axis ${axis}`,
      expected: 'a fixed size (export the model again, or fix it with onnxruntime.tools.make_dynamic_shape_fixed)',
      found: value.case === 'dimParam' ? `'${value.value}'` : 'none',
    })
  })
  if (shape.length === 0) throw new InputError('no shape', { file, field, expected: 'dimensions such as [N, 3, 32, 32]', found: 'none' })
  return { name: proto.name, shape, type }
}

async function readNodes(graph: GraphProto, file: string | undefined, readExternal: ReadExternal | undefined): Promise<SourceNode[]> {
  const nodes: SourceNode[] = []
  const used = new Set<string>()
  const read = new Set([...graph.node.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name)])
  for (const [index, proto] of graph.node.entries()) {
    const given = proto.name || `${proto.opType}_${index}`
    let name = given
    for (let i = 1; used.has(name); i++) name = `${given}_${i}`
    used.add(name)
    const node = await readNode(proto, name, file, readExternal)
    // Old exporters list the mask and the indices although nobody reads them.
    const optional = node.op === 'Dropout' || node.op === 'MaxPool'
    nodes.push(optional ? { ...node, outputs: node.outputs.filter((output, i) => i === 0 || read.has(output)) } : node)
  }
  return nodes
}

async function readNode(
  proto: NodeProto,
  name: string,
  file: string | undefined,
  readExternal: ReadExternal | undefined,
): Promise<SourceNode> {
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
    if (value !== undefined) attributes[attribute.name] = value
    else if (attribute.type === AttributeType.TENSOR && attribute.t && attribute.name === 'value')
      tensor = await readTensor(attribute.t, `${field}, attribute value`, file, readExternal)
    else refuse('attributes that are numbers or strings', `'${attribute.name}' of type ${AttributeType[attribute.type] ?? attribute.type}`)
  }
  return { op, name, inputs: proto.input, outputs: proto.output, attributes, tensor }
}

/** The nodes in the graph's form, and what is known of every tensor. */
interface Reading {
  readonly nodes: readonly Node[]
  readonly known: ReadonlyMap<string, Lanes>
  /** Tensors that are other names of others. */
  readonly aliases: ReadonlyMap<string, string>
  readonly batches: readonly number[]
}

/** Thrown where a network written for one batch size has no meaning for others. */
class FixedBatch extends Error {}

function readWithBatch(source: Source): Reading {
  if (source.inputs.some(({ shape }) => shape[0] === 'N')) return read(source, [2, 3], undefined)
  const sizes = new Set(source.inputs.map(({ shape }) => shape[0]))
  const [size] = sizes
  const batchLike = source.inputs.every(({ shape }) => shape.length === 4 || (shape.length > 1 && size === 1))
  if (sizes.size === 1 && batchLike) {
    try {
      return read(source, [2, 3], size as number)
    } catch {
      // Not for every batch; whatever else is wrong with the model is said below.
    }
  }
  return read(source, [0], undefined)
}

/**
 * Reads the nodes once, for each of the assumed batch sizes side by side.
 * @param fixedBatch the size in the file that is made free
 */
function read(source: Source, batches: readonly number[], fixedBatch: number | undefined): Reading {
  const { file, opset } = source
  const known = new Map<string, Lanes>()
  const aliases = new Map<string, string>()
  const nodes: Node[] = []
  let budget = maxElements
  const each = (value: (lane: number) => Known): Lanes => batches.map((_, lane) => value(lane))
  for (const [name, constant] of source.constants)
    known.set(
      name,
      each(() => ({ shape: constant.dims, type: constant.type, constant })),
    )
  for (const { name, shape, type } of source.inputs) {
    const free = shape[0] === 'N' || fixedBatch !== undefined
    known.set(
      name,
      each((lane) => ({ shape: shape.map((size, axis) => (axis === 0 && free ? batches[lane] : Number(size))), type })),
    )
  }
  const declared = fixedBatch === undefined ? declaredShapes(source.graph, batches) : new Map<string, Shape[]>()

  const depends = (lanes: Lanes | undefined): boolean =>
    Boolean(lanes?.[0].shape?.length && lanes.some(({ shape }) => shape?.[0] !== lanes[0].shape?.[0]))
  const add = (node: Node): void => {
    const inputs = node.inputs.map((input) => (input ? known.get(input) : undefined))
    const values = each((lane) => foldLane(node, inputs, lane))
    if (values.every(({ constant }) => constant !== undefined)) {
      const folded = inputs.every((lanes) => lanes?.every(({ constant }) => constant === lanes[0].constant))
        ? each(() => values[0])
        : values
      budget -= folded[0].constant!.data.length
      known.set(node.outputs[0], folded)
      return
    }
    if (fixedBatch !== undefined && inputs.some(depends) && !keepsBatch(node.op, node.attributes, inputs[0]?.[0].shape))
      throw new FixedBatch(node.name)
    const shapes = batches.map((_, lane) => {
      try {
        return inferShapesOf(
          node.op,
          node.attributes,
          inputs.map((input) => input?.[lane].shape),
          node.outputs.length,
        )
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause)
        throw new InputError('shapes do not fit', { file, field: `node '${node.name}' (${node.op})`, found: message, cause })
      }
    })
    const type = outputType(node.op, node.attributes, inputs.find(Boolean)?.[0].type) as DataType | undefined
    for (const [i, output] of node.outputs.entries())
      if (output)
        known.set(
          output,
          each((lane) => ({ shape: shapes[lane]?.[i] ?? declared.get(output)?.[lane], type })),
        )
    nodes.push(node)
  }

  for (const sourceNode of source.nodes) {
    const { op, name, outputs } = sourceNode
    const field = `node '${name}' (${op})`
    const refuse = (what: string, expected: string, found: string): never => {
      throw new InputError(what, { file, field, expected, found })
    }
    const inputs = sourceNode.inputs.map((input) => aliases.get(input) ?? input)
    for (const input of inputs)
      if (input && !known.has(input)) refuse('reads a tensor that does not exist (yet)', 'nodes in topological order', `'${input}'`)
    for (const output of outputs)
      if (output && (known.has(output) || aliases.has(output))) refuse('writes a tensor that exists', 'a name of its own', `'${output}'`)
    if (!outputs.some(Boolean)) refuse('has no output', 'at least one', 'none')
    const made = constantNode(
      sourceNode,
      known.get(inputs[0]),
      each,
      (expected, found) => refuse('cannot be imported', expected, found),
      budget,
    )
    if (made) {
      budget -= made[0].constant!.data.length
      known.set(outputs[0], made)
      continue
    }
    const call = createCall({ op, name, opset, inputs, outputs, attributes: sourceNode.attributes, file, fixedBatch }, known)
    const normalized = normalize(call)
    if ('alias' in normalized) {
      aliases.set(outputs[0], normalized.alias)
      continue
    }
    const last = normalized.length - 1
    for (const [step, draft] of normalized.entries()) {
      const between = (index: number) => `${outputs[0]}/${index}`
      add({
        name: step === last ? name : `${name}/${step}`,
        op: draft.op,
        inputs: draft.inputs.map((input) => (typeof input === 'number' ? between(input) : input)),
        outputs: step === last ? outputs : [between(step)],
        attributes: draft.attributes,
      })
    }
  }
  if (fixedBatch !== undefined)
    for (const { name } of source.graph.output)
      if (!known.get(aliases.get(name) ?? name)?.every(({ shape }, lane) => shape?.[0] === batches[lane])) throw new FixedBatch(name)
  return { nodes, known, aliases, batches }
}

/** Value of a node for one assumed batch, when all its inputs are constant. */
function foldLane(node: Node, inputs: readonly (Lanes | undefined)[], lane: number): Known {
  const constants = inputs.map((lanes) => lanes?.[lane].constant)
  if (node.outputs.length !== 1 || !constants.every((constant) => constant !== undefined)) return {}
  const attributes = node.op === 'Cast' ? { type: outputType('Cast', node.attributes, undefined)! } : node.attributes
  const constant = foldNode(node.op, attributes, constants)
  return constant ? { shape: constant.dims, type: constant.type, constant } : {}
}

/** Nodes that make constants of nothing, of a shape, or of a tensor's shape. */
function constantNode(
  { op, attributes, tensor }: SourceNode,
  input: Lanes | undefined,
  each: (value: (lane: number) => Known) => Lanes,
  refuse: (expected: string, found: string) => never,
  budget: number,
): Lanes | undefined {
  const lane = (constant: TensorData): Known => ({ shape: constant.dims, type: constant.type, constant })
  if (op === 'Constant') {
    const [kind, value] = Object.entries(attributes).find(([key]) => key.startsWith('value_')) ?? ['nothing', '']
    if (!tensor && (typeof value === 'string' || kind === 'value_strings')) refuse('a tensor or numbers', kind)
    const numbers = [value].flat() as number[]
    const made = lane(
      tensor ?? fromNumbers(numbers, Array.isArray(value) ? [numbers.length] : [], kind.startsWith('value_float') ? 'float32' : 'int64'),
    )
    return each(() => made)
  }
  if (op === 'Shape' && input?.every(({ shape }) => shape !== undefined))
    return input.map(({ shape }) => {
      const part = shape!.slice(Number(attributes.start ?? 0), attributes.end === undefined ? undefined : Number(attributes.end))
      return lane(fromNumbers(part, [part.length], 'int64'))
    })
  if (op === 'ConstantOfShape' && input?.every(({ constant }) => constant !== undefined)) {
    const { type, data } = tensor ?? { type: 'float32' as const, data: new Float32Array(1) }
    const filled = input.map(({ constant }, i) => {
      if (i > 0 && constant === input[0].constant) return undefined
      const dims = Array.from(constant!.data as BigInt64Array, Number)
      const count = dims.reduce((product, size) => product * size, 1)
      if (!(dims.every((size) => size >= 0) && count <= budget)) refuse(`at most ${budget} elements`, `[${dims.slice(0, 8)}]`)
      return lane({ dims, type, data: new (data.constructor as Float32ArrayConstructor)(count).fill(data[0] as number) })
    })
    return filled.map((each) => each ?? filled[0]!)
  }
  return undefined
}

/** Shapes that the file itself tells, for operations whose shapes are not inferred. */
function declaredShapes(graph: GraphProto, batches: readonly number[]): Map<string, Shape[]> {
  const shapes = new Map<string, Shape[]>()
  for (const { name, type } of [...graph.valueInfo, ...graph.output]) {
    const dims = type?.value.case === 'tensorType' ? type.value.value.shape?.dim : undefined
    if (!dims?.length) continue
    if (dims.slice(1).some(({ value }) => value.case !== 'dimValue' || value.value < 1n)) continue
    shapes.set(
      name,
      batches.map((batch) => dims.map(({ value }) => (value.case === 'dimValue' && value.value > 0n ? Number(value.value) : batch))),
    )
  }
  return shapes
}

function assemble(source: Source, reading: Reading, metadata: Record<string, string>): Graph {
  const { file, graph } = source
  const { known, aliases, batches } = reading
  let nodes = [...reading.nodes]
  const names = new Set(graph.output.map(({ name }) => name))
  // An output that was another name for a tensor gives that tensor its name; where that cannot be, an Identity remains.
  for (const { name } of graph.output) {
    const target = aliases.get(name) ?? name
    if (!known.has(target)) throw new InputError('is not computed by any node', { file, field: `output '${name}'` })
    const produced = nodes.some(({ outputs }) => outputs.includes(target))
    if (target === name && !produced)
      throw new InputError('is not computed', {
        file,
        field: `output '${name}'`,
        expected: 'the output of a node',
        found: 'an input or a constant',
      })
    if (target === name) continue
    if (produced && !names.has(target)) {
      const rename = (tensor: string) => (tensor === target ? name : tensor)
      nodes = nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }))
      names.add(target)
    } else nodes.push({ name: `${name}/identity`, op: 'Identity', inputs: [target], outputs: [name], attributes: {} })
  }

  const live = new Set(graph.output.map(({ name }) => name))
  const kept = nodes
    .reverse()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some((output) => live.has(output))) return false
      for (const input of inputs) live.add(input)
      return true
    })
    .reverse()

  const initializers = new Map<string, TensorData>()
  for (const node of kept)
    for (const input of node.inputs) {
      const lanes = known.get(input)
      const constant = lanes?.[0].constant
      if (!constant || initializers.has(input)) continue
      if (lanes.some((lane) => lane.constant !== constant))
        throw new InputError('cannot be imported', {
          file,
          field: `node '${node.name}' (${node.op})`,
          expected: 'constants that do not depend on the batch size',
          found: `'${input}', which does`,
        })
      initializers.set(input, constant.dims.length === 0 ? { ...constant, dims: [1] } : constant)
    }

  const symbolic = (name: string): readonly (number | string)[] => {
    const lanes = known.get(aliases.get(name) ?? name)
    const [first] = lanes ?? []
    if (!first?.shape)
      throw new InputError('shape unknown', {
        file,
        field: `output '${name}'`,
        expected: 'a shape in the file, where the operations before it are unknown',
        found: 'none',
      })
    return first.shape.map((size, axis) => {
      if (lanes!.every(({ shape }) => shape?.[axis] === size)) return size
      const multiple = size / batches[0]
      return multiple === 1 ? 'N' : `${multiple}N`
    })
  }
  return {
    name: graph.name || 'graph',
    inputs: source.inputs.map(({ name, type }) => ({ name, shape: symbolic(name), type })),
    outputs: graph.output.map(({ name }) => ({
      name,
      shape: symbolic(name),
      type: known.get(aliases.get(name) ?? name)?.[0].type ?? 'float32',
    })),
    nodes: kept,
    initializers,
    metadata,
  }
}
