/** How each local is kept. What all lanes share and only vectors use is kept in all lanes of a vector: it is spread once, where it is made. */
import type { Kernel, Local, Statement, Value } from '../analyse/ir.js'
import { operands, writtenBy } from '../analyse/visit.js'
import type { Emitter, Form } from './emitter.js'

export function chooseForms(kernel: Kernel, alone: boolean, shape: Emitter['shape']): Map<Local, Form> {
  const locals = new Set<Local>()
  const scalarUses = new Set<Local>()
  const vectorUses = new Set<Local>()
  const use = (value: Value, asVector: boolean): void => {
    const own = shape(value)
    if (value.op === 'local') {
      locals.add(value.local)
      if (own.varying) return
      const spread = asVector && own.stride === 0 && value.kind !== 'bool'
      const uses = spread ? vectorUses : scalarUses
      uses.add(value.local)
      return
    }
    if (!own.varying) {
      for (const operand of operands(value)) use(operand, false)
      return
    }
    if (value.op === 'select') {
      use(value.yes, true)
      use(value.no, true)
      use(value.condition, shape(value.condition).varying)
      return
    }
    if (value.op === 'binary' && (value.name === 'shl' || value.name === 'shr')) {
      use(value.a, true)
      use(value.b, shape(value.b).varying)
      return
    }
    for (const operand of operands(value)) use(operand, true)
  }
  const isVarying = (value: Value) => shape(value).varying
  const walk = (list: readonly Statement[]) => {
    for (const statement of list) {
      for (const local of writtenBy(statement)) locals.add(local)
      switch (statement.op) {
        case 'assign':
          use(statement.value, !alone && (statement.to.shape?.varying ?? false))
          break
        case 'load':
          use(statement.offset, isVarying(statement.offset))
          break
        case 'store': {
          const together = !isVarying(statement.offset) && shape(statement.offset).stride === 0 && !statement.values.some(isVarying)
          use(statement.offset, isVarying(statement.offset))
          for (const value of statement.values) use(value, !together)
          break
        }
        case 'atomic':
          for (const value of [statement.offset, statement.value, statement.compare]) if (value) use(value, !alone)
          break
        case 'if':
          use(statement.condition, isVarying(statement.condition))
          walk(statement.yes)
          walk(statement.no)
          break
        case 'block':
          walk(statement.body)
          break
        case 'loop':
          walk(statement.initial)
          walk(statement.body)
          walk(statement.continuing)
          break
      }
    }
  }
  walk(kernel.body)
  const forms = new Map<Local, Form>()
  for (const local of locals) {
    if (!local.shape) continue
    if (local.shape.varying) forms.set(local, 'vector')
    else forms.set(local, !alone && vectorUses.has(local) && !scalarUses.has(local) ? 'splat' : 'scalar')
  }
  return forms
}
