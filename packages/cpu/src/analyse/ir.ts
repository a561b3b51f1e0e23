/**
 * The intermediate form: an entry point with all functions joined into it, composites taken apart into scalars, overrides replaced by their values.
 * Values are trees without side effects over locals and constants; loads, stores and everything that is ordered are statements.
 */

export type Kind = 'i32' | 'u32' | 'f32' | 'bool'

/** How a value differs between the lanes (invocations) that run together. */
export interface Shape {
  /** Every lane has a value of its own, in no order that is known. */
  readonly varying: boolean
  /** Where not varying: lane l has the value of lane 0 plus l times this (integers; 0: all lanes have the same). */
  readonly stride: number
  /** Where not varying: it may differ between groups of lanes of one workgroup. */
  readonly perGroup: boolean
}
export const uniform: Shape = { varying: false, stride: 0, perGroup: false }
export const varying: Shape = { varying: true, stride: 0, perGroup: true }

/** A scalar variable. */
export interface Local {
  readonly id: number
  readonly kind: Kind
  readonly name: string
  /** undefined: nothing is known yet, it was never assigned. */
  shape: Shape | undefined
  /** The construct at whose beginning it does not yet exist; set by the analysis. */
  home: Frame | undefined
  /** Assigned once, where it is declared. */
  readonly constant: boolean
}

/** Where words are. Offsets are in bytes. */
export type Memory =
  | { readonly space: 'uniform' | 'storage'; readonly slot: number }
  | { readonly space: 'workgroup'; readonly base: number; readonly size: number }
  /** Of each invocation: the words of the lanes of a group side by side. `base` and `size` count bytes of one lane. */
  | { readonly space: 'private'; readonly base: number; readonly size: number }

export type Unary = 'neg' | 'not' | 'abs' | 'sqrt' | 'ceil' | 'floor' | 'trunc' | 'nearest' | 'clz' | 'ctz' | 'popcnt'
export type Binary =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'rem'
  | 'min'
  | 'max'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'

export type Value = { readonly kind: Kind } & (
  | { readonly op: 'const'; readonly value: number } // i32 and u32: -2^31 .. 2^31 - 1 (bits); bool: 0 or 1
  | { readonly op: 'local'; readonly local: Local }
  | { readonly op: 'unary'; readonly name: Unary; readonly a: Value }
  | { readonly op: 'binary'; readonly name: Binary; readonly a: Value; readonly b: Value } // a and b of one kind
  | { readonly op: 'fma'; readonly a: Value; readonly b: Value; readonly c: Value }
  | { readonly op: 'select'; readonly condition: Value; readonly yes: Value; readonly no: Value }
  | { readonly op: 'convert'; readonly a: Value } // to `kind`: saturating from f32
  | { readonly op: 'bits'; readonly a: Value } // the same bits as `kind`
  | { readonly op: 'lane'; readonly axis: 0 | 1 | 2 | 'index' } // local_invocation_id, local_invocation_index
  | { readonly op: 'group'; readonly axis: 0 | 1 | 2 } // workgroup_id
  | { readonly op: 'groups'; readonly axis: 0 | 1 | 2 } // num_workgroups
  | { readonly op: 'size'; readonly slot: number } // bytes bound
)

export type AtomicName = 'load' | 'store' | 'add' | 'sub' | 'max' | 'min' | 'and' | 'or' | 'xor' | 'exchange' | 'compareExchange'

export interface Loop {
  readonly op: 'loop'
  readonly frame: Frame
  readonly bodyFrame: Frame
  initial: Statement[]
  body: Statement[]
  continuing: Statement[]
}
export interface Block {
  readonly op: 'block'
  readonly frame: Frame
  body: Statement[]
}
export interface If {
  readonly op: 'if'
  readonly condition: Value
  readonly frame: Frame
  yes: Statement[]
  no: Statement[]
}

/** A construct that lanes may leave, or be diverted in, at different times. What the analysis finds is kept here. */
export interface Frame {
  readonly id: number
  readonly name: 'root' | 'if' | 'block' | 'loop' | 'body'
  /** `if`: its condition is varying. block, loop: some lanes may break out of it before others. body: some lanes may `continue` before others. */
  divergent: boolean
  /** The same between groups of lanes: all lanes of one go one way, those of another may go another. */
  perGroup: boolean
}

export type Statement =
  | { readonly op: 'declare'; readonly local: Local } // without a value: it is assigned before it is read
  | { readonly op: 'assign'; readonly to: Local; readonly value: Value; readonly declares: boolean }
  | { readonly op: 'load'; readonly to: readonly Local[]; readonly memory: Memory; readonly offset: Value } // consecutive words
  | { readonly op: 'store'; readonly memory: Memory; readonly offset: Value; readonly values: readonly Value[] }
  | {
      readonly op: 'atomic'
      readonly name: AtomicName
      readonly kind: Kind
      readonly to: Local | undefined
      readonly memory: Memory
      readonly offset: Value
      readonly value: Value | undefined
      readonly compare: Value | undefined
    }
  | If
  | Loop
  | Block
  | { readonly op: 'break'; readonly target: Frame }
  | { readonly op: 'continue'; readonly target: Frame } // the loop's body frame
  | { readonly op: 'barrier' }

/** An entry point, ready to be made to code. */
export interface Kernel {
  readonly body: Statement[]
  readonly root: Frame
  readonly workgroupSize: readonly [number, number, number]
  /** Resources by slot: least sizes in bytes. */
  readonly bindings: readonly { group: number; binding: number; type: 'uniform' | 'storage' | 'read-only-storage'; minSize: number }[]
  readonly workgroupBytes: number
  /** Words of uniform buffers, to be read before all else. */
  readonly uniforms: readonly { readonly local: Local; readonly slot: number; readonly offset: number }[]
  /** Bytes of private memory a lane. */
  readonly privateBytes: number
}

let frames = 0
export function frame(name: Frame['name']): Frame {
  return { id: frames++, name, divergent: false, perGroup: false }
}
