/** The syntax tree: what the parser makes and the checker reads. Names are not resolved; parentheses are gone. */
import type { BinaryOperator, Position, UnaryOperator } from '../check/program.js'

export interface Name {
  readonly text: string
  readonly position: Position
}

/** A name with its template list, as of a type: `array<f32, 4>`. */
export interface NameSyntax {
  readonly op: 'name'
  readonly name: string
  readonly template: readonly ExpressionSyntax[] | undefined
  readonly position: Position
}

export interface CallSyntax {
  readonly op: 'call'
  readonly callee: NameSyntax
  readonly arguments: readonly ExpressionSyntax[]
  readonly position: Position
}

export type ExpressionSyntax =
  | NameSyntax
  | CallSyntax
  | { readonly op: 'number'; readonly text: string; readonly position: Position }
  | { readonly op: 'boolean'; readonly value: boolean; readonly position: Position }
  | { readonly op: 'member'; readonly base: ExpressionSyntax; readonly member: Name; readonly position: Position }
  | { readonly op: 'index'; readonly base: ExpressionSyntax; readonly index: ExpressionSyntax; readonly position: Position }
  | { readonly op: 'unary'; readonly operator: UnaryOperator | '&' | '*'; readonly operand: ExpressionSyntax; readonly position: Position }
  | {
      readonly op: 'binary'
      readonly operator: BinaryOperator
      readonly left: ExpressionSyntax
      readonly right: ExpressionSyntax
      readonly position: Position
    }

export interface AttributeSyntax {
  readonly name: string
  /** undefined: no parentheses. */
  readonly arguments: readonly ExpressionSyntax[] | undefined
  readonly position: Position
}

/** `var`, `let`, `const` and `override`, of a module or a function. */
export interface VariableSyntax {
  readonly op: 'var' | 'let' | 'const' | 'override'
  readonly attributes: readonly AttributeSyntax[]
  /** `<storage, read_write>` */
  readonly template: readonly ExpressionSyntax[] | undefined
  readonly name: Name
  readonly type: ExpressionSyntax | undefined
  readonly initial: ExpressionSyntax | undefined
  readonly position: Position
}

export interface AssertSyntax {
  readonly op: 'assert'
  readonly condition: ExpressionSyntax
  readonly position: Position
}

export interface BlockSyntax {
  readonly op: 'block'
  readonly attributes: readonly AttributeSyntax[]
  readonly body: readonly StatementSyntax[]
  readonly position: Position
  /** The closing brace. */
  readonly end: Position
}

export interface CaseSyntax {
  readonly selectors: readonly (ExpressionSyntax | 'default')[]
  readonly body: BlockSyntax
  readonly position: Position
}

export type StatementSyntax = { readonly attributes?: readonly AttributeSyntax[] } & (
  | VariableSyntax
  | AssertSyntax
  | BlockSyntax
  /** `operator`: of `+=` and so on. `to` undefined: `_ = value`. */
  | {
      readonly op: 'assign'
      readonly to: ExpressionSyntax | undefined
      readonly operator: BinaryOperator | undefined
      readonly value: ExpressionSyntax
      readonly position: Position
    }
  | { readonly op: 'increment'; readonly to: ExpressionSyntax; readonly operator: '+' | '-'; readonly position: Position }
  | { readonly op: 'call'; readonly call: CallSyntax; readonly position: Position }
  | {
      readonly op: 'if'
      /** `if` and each `else if`. */
      readonly branches: readonly { readonly condition: ExpressionSyntax; readonly body: BlockSyntax; readonly position: Position }[]
      readonly else: BlockSyntax | undefined
      readonly position: Position
    }
  | {
      readonly op: 'switch'
      readonly selector: ExpressionSyntax
      readonly bodyAttributes: readonly AttributeSyntax[]
      readonly cases: readonly CaseSyntax[]
      readonly position: Position
    }
  | {
      readonly op: 'loop'
      readonly body: BlockSyntax
      readonly continuing: BlockSyntax | undefined
      readonly breakIf: ExpressionSyntax | undefined
      readonly position: Position
    }
  | {
      readonly op: 'for'
      readonly initial: StatementSyntax | undefined
      readonly condition: ExpressionSyntax | undefined
      readonly update: StatementSyntax | undefined
      readonly body: BlockSyntax
      readonly position: Position
    }
  | { readonly op: 'while'; readonly condition: ExpressionSyntax; readonly body: BlockSyntax; readonly position: Position }
  | { readonly op: 'break' | 'continue' | 'discard'; readonly position: Position }
  | { readonly op: 'return'; readonly value: ExpressionSyntax | undefined; readonly position: Position }
)

export interface AliasSyntax {
  readonly op: 'alias'
  readonly name: Name
  readonly type: ExpressionSyntax
  readonly position: Position
}

export interface MemberSyntax {
  readonly attributes: readonly AttributeSyntax[]
  readonly name: Name
  readonly type: ExpressionSyntax
}

export interface StructSyntax {
  readonly op: 'struct'
  readonly name: Name
  readonly members: readonly MemberSyntax[]
  readonly position: Position
}

export interface FunctionSyntax {
  readonly op: 'function'
  readonly attributes: readonly AttributeSyntax[]
  readonly name: Name
  readonly parameters: readonly MemberSyntax[]
  readonly result: ExpressionSyntax | undefined
  readonly resultAttributes: readonly AttributeSyntax[]
  readonly body: BlockSyntax
  readonly position: Position
}

export type DeclarationSyntax = AliasSyntax | StructSyntax | FunctionSyntax | VariableSyntax | AssertSyntax

export interface DirectiveSyntax {
  readonly op: 'enable' | 'requires' | 'diagnostic'
  /** Of `diagnostic`: the severity and the rule. */
  readonly names: readonly Name[]
  readonly position: Position
}

export interface ModuleSyntax {
  readonly directives: readonly DirectiveSyntax[]
  readonly declarations: readonly DeclarationSyntax[]
}
