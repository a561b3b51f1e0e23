import type { Constant, Scalar } from '../constants.js'
import { eachComponent } from '../operators.js'
import { type classes, type Signature, signature } from '../signatures.js'
import type { AnyScalarName } from '../types.js'

/** A function of the WGSL library on scalars and vectors. */
export interface LibraryFunction {
  readonly signatures: readonly Signature[]
  /** Its value where all arguments are constants, converted to the parameters' types. @throws EvaluationError */
  readonly evaluate?: (values: readonly Constant[], element: AnyScalarName) => Constant
  /** What is wrong with those arguments that are constants (the others undefined). @throws EvaluationError */
  readonly check?: (values: readonly (Constant | undefined)[], element: AnyScalarName) => void
}

/**
 * A function of components.
 * @param overloads see `signature`
 */
export function each(
  overloads: string,
  range: keyof typeof classes,
  apply: (type: AnyScalarName, ...scalars: never[]) => Scalar,
  check?: LibraryFunction['check'],
): LibraryFunction {
  const evaluate = (values: readonly Constant[], type: AnyScalarName) =>
    eachComponent(values, (...scalars) => apply(type, ...(scalars as never[])))
  return { signatures: signaturesOf(overloads, range), evaluate, check }
}

/** A function of whole vectors. */
export function whole(
  overloads: string,
  range: keyof typeof classes,
  apply: (type: AnyScalarName, ...values: never[]) => Constant,
  check?: LibraryFunction['check'],
): LibraryFunction {
  return {
    signatures: signaturesOf(overloads, range),
    evaluate: (values, type) => apply(type, ...(values as never[])),
    check,
  }
}

function signaturesOf(overloads: string, range: keyof typeof classes): Signature[] {
  return overloads.split(';').map((text) => signature(text, range))
}
