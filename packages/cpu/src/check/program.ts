/**
 * A checked WGSL module: what the type checker makes of the syntax tree and the compiler lowers. Every expression has a concrete type, every name is
 * resolved, the load rule and conversions of literals are explicit, and const-expressions are folded (composites into `construct` of literals).
 */

/** Where something is in the source: line and column from 1 (columns in UTF-16 units), offset and length in UTF-16 units. */
export interface Position {
  readonly line: number
  readonly column: number
  readonly offset: number
  readonly length: number
}

/** What is wrong with a shader: the message says what was found and what was expected. */
export class WgslError extends Error {
  override name = 'WgslError'
  constructor(
    message: string,
    readonly position: Position,
  ) {
    super(message)
  }
}

export type ScalarName = 'bool' | 'i32' | 'u32' | 'f32'
export interface ScalarType {
  readonly kind: 'scalar'
  readonly name: ScalarName
}
export interface VectorType {
  readonly kind: 'vector'
  readonly size: 2 | 3 | 4
  readonly element: ScalarType
}
/** Columns of f32 vectors. */
export interface MatrixType {
  readonly kind: 'matrix'
  readonly columns: 2 | 3 | 4
  readonly rows: 2 | 3 | 4
}
export interface ArrayType {
  readonly kind: 'array'
  readonly element: Type
  /** A number; an expression of overrides (workgroup variables only); undefined: runtime-sized. */
  readonly count: number | Expression | undefined
  /** Bytes from an element to the next. */
  readonly stride: number
}
export interface StructMember {
  readonly name: string
  readonly type: Type
  /** Bytes from the start of the struct. */
  readonly offset: number
}
export interface StructType {
  readonly kind: 'struct'
  readonly name: string
  readonly members: readonly StructMember[]
  /** Bytes; of a struct that ends in a runtime-sized array: with one element of it. */
  readonly size: number
  readonly align: number
}
export interface AtomicType {
  readonly kind: 'atomic'
  readonly element: ScalarType
}
export interface PointerType {
  readonly kind: 'pointer'
  readonly space: AddressSpace
  readonly store: Type
  readonly access: 'read' | 'write' | 'read_write'
}
export type Type = ScalarType | VectorType | MatrixType | ArrayType | StructType | AtomicType | PointerType
export type AddressSpace = 'function' | 'private' | 'workgroup' | 'uniform' | 'storage'

/** A `var`, of a module or a function. */
export interface Variable {
  readonly kind: 'variable'
  readonly name: string
  readonly space: AddressSpace
  readonly access: 'read' | 'write' | 'read_write'
  readonly type: Type
  /** Storage and uniform. */
  readonly group?: number
  readonly binding?: number
  /** Module scope (private) only: the initial value; function variables have theirs in the declaration statement. */
  readonly initial?: Expression
  readonly position: Position
}

/** A `let`, or a parameter of a function. A `let` may hold a pointer. */
export interface Value {
  readonly kind: 'value'
  readonly name: string
  readonly type: Type
  readonly position: Position
}

export interface Override {
  readonly kind: 'override'
  readonly name: string
  readonly type: ScalarType
  /** `@id(n)`: then it is named by the decimal number in `constants`. */
  readonly id?: number
  readonly initial?: Expression
  readonly position: Position
}

export type Builtin = 'local_invocation_id' | 'local_invocation_index' | 'global_invocation_id' | 'workgroup_id' | 'num_workgroups'

export interface Func {
  readonly kind: 'function'
  readonly name: string
  readonly parameters: readonly Value[]
  /** undefined: returns nothing. */
  readonly result: Type | undefined
  readonly body: readonly Statement[]
  readonly position: Position
}

/** Where the inputs of an entry point come from: one a parameter; of a struct, one a member. */
export type EntryInput = Builtin | readonly Builtin[]

export interface EntryPoint {
  readonly name: string
  readonly function: Func
  /** Expressions of literals and overrides, u32 or i32. */
  readonly workgroupSize: readonly [Expression, Expression, Expression]
  readonly inputs: readonly EntryInput[]
  /** Resource and workgroup variables that it or what it calls names, and overrides it depends on (in order of declaration). */
  readonly variables: readonly Variable[]
  readonly overrides: readonly Override[]
}

export interface Program {
  readonly source: string
  readonly overrides: readonly Override[]
  readonly variables: readonly Variable[]
  readonly functions: readonly Func[]
  /** Compute entry points only (others are checked, and left out). */
  readonly entryPoints: readonly EntryPoint[]
  /** Warnings and infos. */
  readonly messages: readonly { readonly type: 'warning' | 'info'; readonly message: string; readonly position: Position }[]
}

export type UnaryOperator = '-' | '!' | '~'
/** `&&` and `||` evaluate their right side only where needed; `&` and `|` may be of bool too. */
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '&&'
  | '||'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>=' // prettier-ignore

interface Node {
  /** Of a reference (`isReference`): the type of what it refers to. */
  readonly type: Type
  readonly position: Position
}

/**
 * Values unless said otherwise. Operands of `binary` are as in WGSL (vector with scalar, matrix with vector and so on are not expanded): left and right
 * keep their types. Results of comparisons are bool or vectors of bool.
 */
export type Expression = Node &
  (
    | { readonly op: 'literal'; readonly value: number | boolean } // scalars; f32 rounded to float32, u32 as 0 .. 2^32 - 1
    | { readonly op: 'variable'; readonly variable: Variable } // a reference
    | { readonly op: 'value'; readonly value: Value }
    | { readonly op: 'override'; readonly override: Override }
    | { readonly op: 'load'; readonly from: Expression } // the value that a reference refers to
    | { readonly op: 'member'; readonly base: Expression; readonly index: number } // of a struct: a reference where the base is one
    | { readonly op: 'index'; readonly base: Expression; readonly index: Expression } // array, vector (also `.x` on a reference) or matrix: a reference where the base is one
    | { readonly op: 'swizzle'; readonly base: Expression; readonly components: readonly number[] } // of a vector value; one component gives a scalar
    | { readonly op: 'address-of'; readonly of: Expression } // a pointer from a reference
    | { readonly op: 'dereference'; readonly pointer: Expression } // a reference from a pointer
    | { readonly op: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression }
    | { readonly op: 'binary'; readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression }
    | { readonly op: 'call'; readonly function: Func; readonly arguments: readonly Expression[] }
    | { readonly op: 'builtin'; readonly name: string; readonly arguments: readonly Expression[] } // of the WGSL library; pointers stay pointers (atomics, arrayLength, modf has structs)
    | { readonly op: 'construct'; readonly arguments: readonly Expression[] } // composite from parts as in WGSL (vec4(vec3, f32), mat2x2 of columns or scalars, array, struct); no arguments: zeros; one scalar: splat
    | { readonly op: 'convert'; readonly argument: Expression } // f32(x), vec3u(v): scalars and vectors (and bool); to `type`
    | { readonly op: 'bitcast'; readonly argument: Expression }
  )

export type Statement = { readonly position: Position } & (
  | { readonly op: 'variable'; readonly variable: Variable; readonly initial: Expression | undefined } // zero where there is none
  | { readonly op: 'let'; readonly value: Value; readonly initial: Expression }
  | { readonly op: 'assign'; readonly to: Expression | undefined; readonly value: Expression } // `_ = value`: to is undefined. `a += b` and `a++` are made to assignments: see `update`
  | { readonly op: 'update'; readonly to: Expression; readonly operator: BinaryOperator; readonly value: Expression } // a += b, a++ (value 1): `to` is evaluated once
  | { readonly op: 'call'; readonly call: Expression } // 'call' or 'builtin', the result (if any) dropped
  | { readonly op: 'if'; readonly condition: Expression; readonly then: readonly Statement[]; readonly else: readonly Statement[] }
  | { readonly op: 'switch'; readonly selector: Expression; readonly cases: readonly SwitchCase[] }
  | {
      readonly op: 'loop' // `for` and `while` too
      /** Statements before the first iteration, in the scope of the loop (`for`'s initialiser). */
      readonly initial: readonly Statement[]
      /** Of `for` and `while`: tested before each iteration. */
      readonly condition: Expression | undefined
      readonly body: readonly Statement[]
      /** `continuing`, or `for`'s update; it may use names of the body (of `loop` only). */
      readonly continuing: readonly Statement[]
      /** `break if` at the end of `continuing`. */
      readonly breakIf: Expression | undefined
    }
  | { readonly op: 'block'; readonly body: readonly Statement[] }
  | { readonly op: 'break' }
  | { readonly op: 'continue' }
  | { readonly op: 'return'; readonly value: Expression | undefined }
)

export interface SwitchCase {
  /** Numbers as unsigned or signed as the selector's type; `default` for the default. */
  readonly selectors: readonly (number | 'default')[]
  readonly body: readonly Statement[]
}
