/** One pass over the nodes of a file: normalises them, folds constants and infers shapes, all at once, since each needs the others. */
import { elements, type Shape } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { DataType, Node, TensorData } from '../graph.js'
import { createCall, type Known, type Lanes } from './call.js'
import { foldNode, fromNumbers } from './fold.js'
import { normalize, outputType } from './normalize.js'
import { inferShapesOf, keepsBatch } from './shapes.js'
import type { Source, SourceNode } from './source.js'

/** The nodes in the graph's form, and what is known of every tensor. */
export interface Reading {
  readonly nodes: readonly Node[]
  readonly known: ReadonlyMap<string, Lanes>
  /** Tensors that are other names of others. */
  readonly aliases: ReadonlyMap<string, string>
  readonly batches: readonly number[]
}

/** Numbers that ConstantOfShape may make in one import: files without weights make those of ResNet-50 (26 million) and AlexNet (61) so. */
const mostFilled = 2 ** 26

/**
 * Numbers that folding may make of those: in proportion to them, so that a small file cannot ask for any amount of memory through
 * Expand and the like, and enough for constants of the size of an activation.
 */
const foldingLimit = (numbers: number): number => 2 ** 22 + 8 * numbers

/** Thrown where a network written for one batch size has no meaning for others. */
class FixedBatch extends Error {}

export function readWithBatch(source: Source): Reading {
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
  let fillable = mostFilled
  let budget = foldingLimit([...source.constants.values()].reduce((sum, { data }) => sum + data.length, 0))
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
  const declared = fixedBatch === undefined ? declaredShapes(source, batches) : new Map<string, Shape[]>()

  const depends = (lanes: Lanes | undefined): boolean =>
    Boolean(lanes?.[0].shape?.length && lanes.some(({ shape }) => shape?.[0] !== lanes[0].shape?.[0]))
  const add = (node: Node): void => {
    const inputs = node.inputs.map((input) => (input ? known.get(input) : undefined))
    const values = each((lane) => foldLane(node, inputs, lane, budget))
    if (values.every(({ constant }) => constant !== undefined)) {
      const folded = inputs.every((lanes) => lanes?.every(({ constant }) => constant === lanes[0].constant))
        ? each(() => values[0])
        : values
      const { data } = folded[0].constant!
      if (!inputs.some((lanes) => lanes?.[0].constant?.data === data)) budget -= data.length
      known.set(node.outputs[0], folded)
      return
    }
    if (fixedBatch !== undefined && inputs.some(depends) && !keepsBatch(node.op, node.attributes, inputs[0]?.[0].shape))
      throw new FixedBatch(node.name)
    const shapes = batches.map((_, lane) =>
      inferShapesOf(
        node.op,
        node.attributes,
        inputs.map((input) => input?.[lane].shape),
        node.outputs.length,
      ),
    )
    const type = outputType(node.op, node.attributes, inputs.find(Boolean)?.[0].type) as DataType | undefined
    for (const [i, output] of node.outputs.entries())
      if (output)
        known.set(
          output,
          each((lane) => ({ shape: shapes[lane]?.[i] ?? declared.get(output)?.[lane], type })),
        )
    nodes.push(node)
  }

  const readNode = (sourceNode: SourceNode): void => {
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
      fillable,
    )
    if (made) {
      if (op === 'ConstantOfShape') fillable -= made[0].constant!.data.length
      known.set(outputs[0], made)
      return
    }
    const call = createCall({ op, name, opset, inputs, outputs, attributes: sourceNode.attributes, file, fixedBatch }, known)
    const normalized = normalize(call)
    if ('alias' in normalized) {
      aliases.set(outputs[0], normalized.alias)
      if (op === 'Dropout' && outputs[1]) {
        const mask = nothingDropped(known.get(inputs[0])!, budget)
        known.set(outputs[1], mask ?? refuse('cannot be imported', 'Dropout without its mask as an output', `'${outputs[1]}'`))
      }
      return
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
  for (const node of source.nodes) {
    try {
      readNode(node)
    } catch (cause) {
      if (cause instanceof InputError || cause instanceof FixedBatch) throw cause
      // Shape rules and folding say what does not fit; only here is it known where.
      const found = cause instanceof Error ? cause.message : String(cause)
      throw new InputError('inputs or attributes do not fit', { file, field: `node '${node.name}' (${node.op})`, found, cause })
    }
    if (budget < 0)
      throw new InputError('constants too large', {
        file,
        field: `node '${node.name}' (${node.op})`,
        expected: 'constants in proportion to the size of the file',
        found: 'far more',
      })
  }
  if (fixedBatch !== undefined)
    for (const { name } of source.outputs)
      if (!known.get(aliases.get(name) ?? name)?.every(({ shape, constant }, lane) => !constant && shape?.[0] === batches[lane]))
        throw new FixedBatch(name)
  return { nodes, known, aliases, batches }
}

/** Value of a node for one assumed batch, when all its inputs are constant. */
function foldLane(node: Node, inputs: readonly (Lanes | undefined)[], lane: number, budget: number): Known {
  const constants = inputs.map((lanes) => lanes?.[lane].constant)
  if (node.outputs.length !== 1 || !constants.every((constant) => constant !== undefined)) return {}
  const attributes = node.op === 'Cast' ? { type: outputType('Cast', node.attributes, undefined)! } : node.attributes
  const constant = foldNode(node.op, attributes, constants, budget)
  return constant ? { shape: constant.dims, type: constant.type, constant } : {}
}

/** The mask of a Dropout in inference, a constant where its shape is one. */
function nothingDropped(x: Lanes, budget: number): Lanes | undefined {
  const [shape] = x.map((lane) => lane.shape)
  if (!shape || elements(shape) > budget || x.some((lane) => lane.shape?.join() !== shape.join())) return undefined
  const constant: TensorData = { dims: shape, type: 'bool', data: new Uint8Array(elements(shape)).fill(1) }
  return x.map(() => ({ shape, type: 'bool', constant }))
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
function declaredShapes({ values, outputs }: Source, batches: readonly number[]): Map<string, Shape[]> {
  const shapes = new Map<string, Shape[]>()
  for (const { name, type } of [...values, ...outputs]) {
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
