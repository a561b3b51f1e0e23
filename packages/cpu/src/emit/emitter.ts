/** What writing a kernel's code carries along. */
import type { Frame, Kernel, Local, Shape, Statement, Value } from '../analyse/ir.js'
import { shapeOf } from '../analyse/shapes.js'
import type { Code, Label } from './code.js'
import type { Helpers } from './helpers.js'
import type { CompileOptions } from './pipeline.js'

/** How a local is kept: one number for all lanes (of a linear one: lane 0's), a vector of lanes, or one number in all lanes of a vector. */
export type Form = 'scalar' | 'vector' | 'splat'

/** Ends of a construct: where lanes go on together, and where only those in the mask do. */
export interface Ends {
  full: Label | undefined
  masked: Label | undefined
  /** The mask of lanes that have left already. */
  left: number
}

export interface Emitter {
  readonly code: Code
  readonly helpers: Helpers
  readonly kernel: Kernel
  readonly options: CompileOptions
  /** One invocation a workgroup: there are no vectors. */
  readonly alone: boolean
  readonly lanes: number
  readonly forms: Map<Local, Form>
  readonly places: Map<Local, number>
  /** Locals of the function's parameters and of what is known throughout. */
  readonly record: number
  readonly scratch: number
  readonly firstLane: number
  readonly groupIds: readonly [number, number, number]
  readonly groupCounts: readonly [number, number, number]
  /** Address and size of what is bound, by slot. */
  readonly bases: readonly number[]
  readonly sizes: readonly number[]
  /** By slot and words: one more than the greatest offset at which so many words lie inside, 0 where none does. */
  limit(slot: number, words: number): number
  readonly privateBase: number
  readonly mask: number
  masked: boolean
  readonly frames: Frame[]
  readonly ends: Map<Frame, Ends>
  /** Where the list of statements being written ends while masked: lanes that are left with nothing to do go there. */
  listEnd: Label | undefined
  /** In front of which loops one test is tried for all loads within. */
  guarding: 'all' | 'innermost' | 'none'
  /** Loads and stores that are known to stay inside in the code being written. */
  readonly unchecked: Set<Statement>
  shape(value: Value): Shape
}

export function shapesFor(kernel: Kernel): (value: Value) => Shape {
  const known = new WeakMap<Value, Shape>()
  return (value) => {
    let found = known.get(value)
    if (!found) known.set(value, (found = shapeOf(value, kernel.workgroupSize)))
    return found
  }
}

/** Whether lanes that are in `home` may be absent at this point. */
export function absentSince(e: Emitter, home: Frame): boolean {
  for (let i = e.frames.length - 1; i >= 0 && e.frames[i] !== home; i--) if (e.frames[i].divergent) return true
  return false
}
