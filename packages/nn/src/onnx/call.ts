/** One node while it is imported: what rules of `normalize.ts` may ask about it. */
import type { Attribute, Attributes, Shape } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { DataType, TensorData } from '../graph.js'
import { toNumbers } from './fold.js'
import { type AttributeProto, AttributeProto_AttributeType as Type } from './proto/onnx_pb.js'
import { highestRank } from './tensors.js'

/** What is known of a tensor while a certain batch size is assumed. */
export interface Known {
  readonly shape?: Shape
  readonly type?: DataType
  readonly constant?: TensorData
}

/**
 * What is known of a tensor, once for each assumed batch size. A model with a free batch is read with 2 and 3 side by side: what
 * differs depends on the batch, what agrees does not, so that no symbolic arithmetic is needed.
 */
export type Lanes = readonly Known[]

export interface Call {
  readonly op: string
  readonly name: string
  readonly opset: number
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** The node's own attributes, without tensors. */
  readonly attributes: Attributes
  /** A batch of the file that is being made free: sizes equal to it at the front of Reshape's constants stand for the batch. */
  readonly fixedBatch?: number
  lanes(input: number): Lanes | undefined
  has(input: number): boolean
  number(name: string, otherwise: number): number
  numbers(name: string): readonly number[] | undefined
  string(name: string, otherwise: string): string
  /** The value of a constant input; undefined when absent; refuses the node when it is not constant or depends on the batch. */
  constant(input: number, what: string): readonly number[] | undefined
  /** The shape of an input, undefined where unknown; a size that depends on the batch is undefined. */
  shape(input: number): readonly (number | undefined)[] | undefined
  refuse(expected: string, found: string): never
}

export interface CallSource {
  readonly op: string
  readonly name: string
  readonly opset: number
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
  readonly file: string | undefined
  readonly fixedBatch: number | undefined
}

export function createCall(source: CallSource, known: ReadonlyMap<string, Lanes>): Call {
  const { op, name, inputs, attributes, file } = source
  const lanes = (input: number) => (inputs[input] ? known.get(inputs[input]) : undefined)
  const refuse = (expected: string, found: string): never => {
    throw new InputError('cannot be imported', { file, field: `node '${name}' (${op})`, expected, found })
  }
  const wrong = (attribute: string, expected: string) =>
    refuse(`attribute ${attribute} to be ${expected}`, JSON.stringify(attributes[attribute]))
  return {
    ...source,
    lanes,
    refuse,
    has: (input) => Boolean(inputs[input]),
    number(attribute, otherwise) {
      const value = attributes[attribute] ?? otherwise
      return typeof value === 'number' ? value : wrong(attribute, 'a number')
    },
    numbers(attribute) {
      const value = attributes[attribute]
      if (value === undefined) return undefined
      return Array.isArray(value) && value.every((each) => typeof each === 'number') ? value : wrong(attribute, 'numbers')
    },
    string(attribute, otherwise) {
      const value = attributes[attribute] ?? otherwise
      return typeof value === 'string' ? value : wrong(attribute, 'a string')
    },
    constant(input, what) {
      if (!inputs[input]) return undefined
      const constants = lanes(input)?.map(({ constant }) => constant)
      if (!constants?.every((constant) => constant !== undefined))
        return refuse(`a constant for ${what}`, `'${inputs[input]}', computed at run time`)
      const [first, ...rest] = constants
      // It is read for every node that names it: a long one would take time without end.
      const most = Math.max(2 * highestRank, source.outputs.length)
      if (first.data.length > most) return refuse(`at most ${most} numbers for ${what}`, `${first.data.length} in '${inputs[input]}'`)
      const values = toNumbers(first)
      if (rest.some((other) => other !== first && toNumbers(other).some((value, i) => value !== values[i])))
        return refuse(`${what} that does not depend on the batch size`, `'${inputs[input]}', which does`)
      const numbers = first.type === 'float32' ? Array.from(first.data as Float32Array) : values
      return numbers.some(Number.isNaN) ? refuse(`numbers for ${what}`, `NaN in '${inputs[input]}'`) : numbers
    },
    shape(input) {
      const shapes = lanes(input)?.map(({ shape }) => shape)
      if (!shapes?.every((shape) => shape !== undefined)) return undefined
      return shapes[0].map((size, axis) => (shapes.every((shape) => shape[axis] === size) ? size : undefined))
    },
  }
}

const text = new TextDecoder()

/** Undefined for tensors, graphs and what else a `Graph` has no place for. */
export function readAttribute(proto: AttributeProto): Attribute | undefined {
  switch (proto.type) {
    case Type.FLOAT:
      return proto.f
    case Type.INT:
      return Number(proto.i)
    case Type.STRING:
      return text.decode(proto.s)
    case Type.FLOATS:
      return proto.floats
    case Type.INTS:
      return proto.ints.map(Number)
    case Type.STRINGS:
      return proto.strings.map((bytes) => text.decode(bytes))
    default:
      return undefined
  }
}
