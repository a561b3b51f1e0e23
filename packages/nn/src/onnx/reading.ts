/** One pass over the nodes of a file: normalises them, folds constants and infers shapes, all at once, since each needs the others. */
import { elements, type Shape } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { DataType, Node, TensorData } from '../graph.js'
import type { Budget } from './budget.js'
import { createCall, type Known, type Lanes } from './call.js'
import { foldNode, fromNumbers } from './fold.js'
import { normalize, outputType } from './normalize.js'
import { misfit, wrongCount } from './parameters.js'
import { inferShapesOf, keepsBatch } from './shapes.js'
import type { Source, SourceNode } from './source.js'
import { highestRank } from './tensors.js'

/** The nodes in the graph's form, and what is known of every tensor. */
export interface Reading {
  readonly nodes: readonly Node[]
  readonly known: ReadonlyMap<string, Lanes>
  /** Tensors that are other names of others. */
  readonly aliases: ReadonlyMap<string, string>
  readonly batches: readonly number[]
}

/** Numbers of one tensor, at a batch of 2 or 3: no device has 32 GiB for one. */
const largest = 2 ** 33

/** Thrown where a network written for one batch size has no meaning for others. */
class FixedBatch extends Error {}

export function readWithBatch(source: Source): Reading {
  if (source.inputs.some(({ shape }) => shape[0] === 'N')) return read(source, [2, 3], undefined)
  const sizes = new Set(source.inputs.map(({ shape }) => shape[0]))
  const [size] = sizes
  const batchLike = source.inputs.every(({ shape }) => shape.length === 4 || (shape.length > 1 && size === 1))
  if (sizes.size === 1 && batchLike) {
    try {
      return source.budget.attempt(() => read(source, [2, 3], size as number))
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
  const { file, opset, budget } = source
  const known = new Map<string, Lanes>()
  const aliases = new Map<string, string>()
  const nodes: Node[] = []
  // In proportion to the constants that are there, and enough for some of the size of an activation.
  let work = budget.work([...source.constants.values()].reduce((sum, { data }) => sum + data.length, 0))
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
  const add = (node: Node, refuse: Refuse): void => {
    const inputs = node.inputs.map((input) => (input ? known.get(input) : undefined))
    const independent = inputs.every((lanes) => lanes?.every(({ constant }) => constant && constant === lanes[0].constant))
    const limit = Math.min(work, budget.left() / 8)
    const first = foldLane(node, inputs, 0, limit)
    const values = each((lane) => (lane === 0 || independent ? first : foldLane(node, inputs, lane, limit)))
    if (values.every(({ constant }) => constant !== undefined)) {
      for (const value of independent ? [first] : values) {
        const { dims, data } = value.constant!
        expectShape(dims, refuse)
        if (elements(dims) !== data.length) refuse(`${data.length} elements`, `[${dims}]`)
        // Indices are looked at even where nothing comes of them.
        work -= node.op === 'Gather' ? elements(inputs[1]![0].shape!) : 0
        if (inputs.some((lanes) => lanes?.some(({ constant }) => constant?.data === data))) continue
        work -= data.length
        budget.take(data.byteLength, `node '${node.name}' (${node.op})`)
      }
      known.set(node.outputs[0], values)
      return
    }
    if (fixedBatch !== undefined && inputs.some(depends) && !keepsBatch(node.op, node.attributes, inputs[0]?.[0].shape))
      throw new FixedBatch(node.name)
    const shapes = batches.map((_, lane) => {
      const given = inputs.map((input) => input?.[lane].shape)
      const wrong = misfit(node.op, node.attributes, given)
      if (wrong) refuse(wrong.expected, wrong.found)
      const inferred = inferShapesOf(node.op, node.attributes, given, node.outputs.length)
      for (const shape of inferred ?? []) expectShape(shape, refuse)
      return inferred
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

  const readNode = (sourceNode: SourceNode): void => {
    const { op, name, outputs } = sourceNode
    const field = `node '${name}' (${op})`
    const refuse = (what: string, expected: string, found: string): never => {
      throw new InputError(what, { file, field, expected, found })
    }
    const misfits: Refuse = (expected, found) => refuse('cannot be imported', expected, found)
    const count = wrongCount(op, sourceNode.inputs)
    if (count) misfits(count.expected, count.found)
    const inputs = sourceNode.inputs.map((input) => aliases.get(input) ?? input)
    for (const input of inputs)
      if (input && !known.has(input)) refuse('reads a tensor that does not exist (yet)', 'nodes in topological order', `'${input}'`)
    for (const output of outputs)
      if (output && (known.has(output) || aliases.has(output))) refuse('writes a tensor that exists', 'a name of its own', `'${output}'`)
    if (!outputs.some(Boolean)) refuse('has no output', 'at least one', 'none')
    const made = constantNode(sourceNode, known.get(inputs[0]), each, misfits, budget)
    if (made) {
      known.set(outputs[0], made)
      return
    }
    const call = createCall({ op, name, opset, inputs, outputs, attributes: sourceNode.attributes, file, fixedBatch }, known)
    const normalized = normalize(call)
    if ('alias' in normalized) {
      aliases.set(outputs[0], normalized.alias)
      if (op === 'Dropout' && outputs[1]) {
        const mask = nothingDropped(known.get(inputs[0])!, Math.min(work, budget.left()))
        work -= mask?.[0].constant?.data.length ?? 0
        known.set(outputs[1], mask ?? refuse('cannot be imported', 'Dropout without its mask as an output', `'${outputs[1]}'`))
      }
      return
    }
    const last = normalized.length - 1
    // Some operators become as many nodes as they have inputs.
    budget.takeObjects(2048 * last + 512 * outputs.length, field)
    for (const [step, draft] of normalized.entries()) {
      const between = (index: number) => `${outputs[0]}/${index}`
      const node: Node = {
        name: step === last ? name : `${name}/${step}`,
        op: draft.op,
        inputs: draft.inputs.map((input) => (typeof input === 'number' ? between(input) : input)),
        outputs: step === last ? outputs : [between(step)],
        attributes: draft.attributes,
      }
      add(node, misfits)
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
    if (work < 0)
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

type Refuse = (expected: string, found: string) => never

/** Sizes that a tensor can have. */
function expectShape(shape: Shape, refuse: Refuse): void {
  if (shape.length > highestRank) refuse(`at most ${highestRank} dimensions`, `${shape.length}`)
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) refuse('an output with sizes from 0 up', `[${shape}]`)
  if (elements(shape) > largest) refuse(`an output of at most ${largest} numbers`, `[${shape}]`)
}

/** Value of a node for one assumed batch, when all its inputs are constant. */
function foldLane(node: Node, inputs: readonly (Lanes | undefined)[], lane: number, limit: number): Known {
  const constants = inputs.map((lanes) => lanes?.[lane].constant)
  if (node.outputs.length !== 1 || !constants.every((constant) => constant !== undefined)) return {}
  const attributes = node.op === 'Cast' ? { type: outputType('Cast', node.attributes, undefined)! } : node.attributes
  const constant = foldNode(node.op, attributes, constants, limit)
  return constant ? { shape: constant.dims, type: constant.type, constant } : {}
}

/** The mask of a Dropout in inference, a constant where its shape is one. */
function nothingDropped(x: Lanes, limit: number): Lanes | undefined {
  const [shape] = x.map((lane) => lane.shape)
  if (!shape || elements(shape) > limit || x.some((lane) => lane.shape?.join() !== shape.join())) return undefined
  const constant: TensorData = { dims: shape, type: 'bool', data: new Uint8Array(elements(shape)).fill(1) }
  return x.map(() => ({ shape, type: 'bool', constant }))
}

/** Nodes that make constants of nothing, of a shape, or of a tensor's shape. */
function constantNode(
  { op, attributes, tensor }: SourceNode,
  input: Lanes | undefined,
  each: (value: (lane: number) => Known) => Lanes,
  refuse: Refuse,
  budget: Budget,
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
      if (constant!.data.length > highestRank) refuse(`at most ${highestRank} dimensions`, `${constant!.data.length}`)
      const dims = Array.from(constant!.data as BigInt64Array, Number)
      expectShape(dims, refuse)
      const count = elements(dims)
      const most = Math.floor(budget.left() / data.BYTES_PER_ELEMENT)
      if (data.length !== 1) refuse('a value of one element', `${data.length}`)
      if (count > most) refuse(`at most ${most} elements`, `[${dims}]`)
      budget.take(count * data.BYTES_PER_ELEMENT, 'ConstantOfShape')
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
    if (!dims?.length || dims.length > highestRank) continue
    if (dims.slice(1).some(({ value }) => value.case !== 'dimValue' || value.value < 1n || value.value > largest)) continue
    shapes.set(
      name,
      batches.map((batch) => dims.map(({ value }) => (value.case === 'dimValue' && value.value > 0n ? Number(value.value) : batch))),
    )
  }
  return shapes
}
