/**
 * How much memory a protobuf message takes once it is decoded, told from its bytes before anything is allocated: 10 MB of empty
 * messages would be gigabytes of objects.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'

interface Plan {
  readonly wire: WireType
  /** A list of numbers: also written as one run of bytes. */
  readonly packed: boolean
  /** Bytes of memory of one value. */
  readonly each: number
  readonly child?: Table
}

interface Table {
  readonly cost: number
  /** By field number. */
  readonly fields: (Plan | undefined)[]
}

/** Nesting that the decoder accepts. */
const deepest = 100
// Measured in V8, generously: an object with its slots, an empty list, a view of bytes, a string, a 64-bit integer.
const [object, slot, list, view, string, bigint] = [64, 8, 32, 200, 48, 32]

const wide = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64])
const wires: Partial<Record<ScalarType, WireType>> = {
  [ScalarType.DOUBLE]: WireType.Bit64,
  [ScalarType.FIXED64]: WireType.Bit64,
  [ScalarType.SFIXED64]: WireType.Bit64,
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.FIXED32]: WireType.Bit32,
  [ScalarType.SFIXED32]: WireType.Bit32,
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
}

function planOf(field: DescField, table: (message: DescMessage) => Table): Plan {
  const many = field.fieldKind === 'list'
  if (field.message) return { wire: WireType.LengthDelimited, packed: false, each: many ? slot : 0, child: table(field.message) }
  const scalar = field.scalar ?? ScalarType.INT32
  const wire = wires[scalar] ?? WireType.Varint
  const each = scalar === ScalarType.BYTES ? view : scalar === ScalarType.STRING ? string : wide.has(scalar) ? bigint : slot
  return { wire, packed: many && wire !== WireType.LengthDelimited, each }
}

function tablesOf(extra: Readonly<Record<string, number>>) {
  const tables = new Map<string, Table>()
  const table = (message: DescMessage): Table => {
    const before = tables.get(message.typeName)
    if (before) return before
    const sizes = message.fields.map(({ fieldKind, scalar }) => (fieldKind === 'list' ? list : scalar === ScalarType.BYTES ? view : 0))
    const cost = object + sizes.reduce((sum, size) => sum + slot + size, 0) + (extra[message.name] ?? 0)
    const made: Table = { cost, fields: [] }
    tables.set(message.typeName, made)
    for (const field of message.fields) made.fields[field.number] = planOf(field, table)
    return made
  }
  return table
}

/** Numbers in one list: V8 ends the process when an array grows beyond 112.8 million. */
const longest = 112_000_000

/**
 * Says what it takes, from above, message by message.
 * @param spend told bytes of memory; it throws where they are too many
 * @param extra bytes more for each message of these names, for what is made of it
 * @throws Error for bytes that are no such message; it refuses some that decoders take, of which no two agree what they mean
 */
export function foresee(
  schema: DescMessage,
  bytes: Uint8Array,
  spend: (bytes: number) => void,
  extra: Readonly<Record<string, number>> = {},
): void {
  let at = 0
  const fail = (): never => {
    throw new Error(`not a ${schema.name}: malformed at byte ${at}`)
  }
  /** The lower 32 bits. */
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++]
      if (shift < 35) value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    return fail()
  }
  const skip = (wire: WireType): void => {
    const length = wire === WireType.Varint || wire === WireType.LengthDelimited ? varint() : 0
    if (wire === WireType.LengthDelimited) at += length
    else if (wire === WireType.Bit64) at += 8
    else if (wire === WireType.Bit32) at += 4
    // Groups, which nobody has written for twenty years.
    else if (wire !== WireType.Varint) fail()
  }
  /** Numbers in a run of bytes. */
  const run = (plan: Plan, end: number): number => {
    if (plan.wire !== WireType.Varint) return (end - at) / (plan.wire === WireType.Bit64 ? 8 : 4)
    let count = 0
    for (let i = at; i < end; i++) if (bytes[i] < 128) count++
    return count
  }
  const message = ({ cost, fields }: Table, end: number, depth: number): void => {
    if (depth > deepest) fail()
    let own = cost
    let numbers = 0
    while (at < end) {
      const tag = varint()
      const [plan, wire] = [fields[tag >>> 3], tag & 7]
      if (!plan) skip(wire)
      else if (wire === WireType.LengthDelimited && (plan.packed || plan.wire === wire)) {
        const length = varint()
        const last = at + length
        if (last > end) fail()
        own += plan.each
        if (plan.child) message(plan.child, last, depth + 1)
        else if (plan.packed) {
          const count = run(plan, last)
          numbers += count
          own += count * plan.each
        } else if (plan.each === string) own += length
        at = last
      } else if (wire === plan.wire) {
        skip(wire)
        own += plan.each
        numbers++
      } else fail()
      if (at > end) fail()
      if (numbers > longest) throw new Error(`a list of more than ${longest} numbers at byte ${at}: write them as raw data`)
      if (own > 2 ** 16) {
        spend(own)
        own = 0
      }
    }
    spend(own)
  }
  message(tablesOf(extra)(schema), bytes.length, 1)
}
