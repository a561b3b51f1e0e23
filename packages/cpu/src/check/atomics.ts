import type { Called } from './calls.js'
import { convertedTo, nodeOperand, type Operand } from './operand.js'
import { type Expression, type Position, type ScalarType, type Type, WgslError } from './program.js'
import { exchangeResult } from './results.js'
import { bool, converts, typeName } from './types.js'

/** Values that each takes besides the pointer. */
const values: Record<string, number> = {
  atomicLoad: 0,
  atomicStore: 1,
  atomicAdd: 1,
  atomicSub: 1,
  atomicMax: 1,
  atomicMin: 1,
  atomicAnd: 1,
  atomicOr: 1,
  atomicXor: 1,
  atomicExchange: 1,
  atomicCompareExchangeWeak: 2,
}

export function isAtomicFunction(name: string): boolean {
  return Object.hasOwn(values, name)
}

export function checkAtomic(name: string, given: readonly Operand[], position: Position): Called {
  const wanted = values[name]
  if (given.length !== wanted + 1)
    throw new WgslError(
      `'${name}' takes a pointer to an atomic${wanted ? ` and ${wanted === 1 ? 'a value' : 'two values'}` : ''}, found ${given.length} arguments`,
      position,
    )
  const [pointer, ...rest] = given
  if (pointer.type.kind !== 'pointer' || pointer.type.store.kind !== 'atomic')
    throw new WgslError(`'${name}' takes a pointer to an atomic, found '${typeName(pointer.type)}'`, pointer.position)
  if (pointer.type.access !== 'read_write')
    throw new WgslError(
      `'${name}' needs an atomic that can be written (var<storage, read_write>), found one that is read-only`,
      pointer.position,
    )
  const element: ScalarType = pointer.type.store.element
  const list: Expression[] = [pointer.node!]
  for (const operand of rest) {
    if (!converts(operand.type, element))
      throw new WgslError(
        `'${name}' of an atomic<${element.name}> takes values of type '${element.name}', found '${typeName(operand.type)}'`,
        operand.position,
      )
    list.push(convertedTo(operand, element))
  }
  const nothing = name === 'atomicStore'
  const type: Type = nothing ? bool : name === 'atomicCompareExchangeWeak' ? exchangeResult(element) : element
  const node: Expression = { op: 'builtin', name, arguments: list, type, position }
  return { operand: nodeOperand(node, 'runtime'), nothing, mustUse: false }
}
