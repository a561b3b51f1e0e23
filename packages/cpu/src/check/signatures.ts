/** Overloads of operators and built-in functions on scalars and vectors: written as text, matched against the types of arguments. */
import { type AnyScalar, type AnyScalarName, type AnyType, converts, elementOf, scalar, shaped, shapeOf } from './types.js'

/** Sets that a type variable ranges over, in the order in which they are preferred (by rank of conversion from an abstract int). */
export const classes = {
  any: ['bool', 'abstract-int', 'i32', 'u32', 'abstract-float', 'f32'],
  number: ['abstract-int', 'i32', 'u32', 'abstract-float', 'f32'],
  signed: ['abstract-int', 'i32', 'abstract-float', 'f32'],
  float: ['abstract-float', 'f32'],
  integer: ['abstract-int', 'i32', 'u32'],
  bits: ['i32', 'u32'],
  logical: ['bool', 'abstract-int', 'i32', 'u32'],
  none: [],
} as const satisfies Record<string, readonly AnyScalarName[]>

const classNames: Record<keyof typeof classes, string> = {
  any: 'bool, i32, u32 or f32',
  number: 'i32, u32 or f32',
  signed: 'i32 or f32',
  float: 'f32',
  integer: 'i32 or u32',
  bits: 'i32 or u32',
  logical: 'bool, i32 or u32',
  none: '',
}

/** A parameter or result: `N` is the shape that all parts with it share. */
interface Part {
  /** 'N': scalar or vector; 'V': vector; else 0 for a scalar, or the size of a vector. */
  readonly shape: 'N' | 'V' | 0 | 2 | 3 | 4
  /** A type variable (T, or I: a signed integer) or a scalar type. */
  readonly element: AnyScalarName | 'T' | 'I'
}

export interface Signature {
  readonly text: string
  readonly range: keyof typeof classes
  readonly parameters: readonly Part[]
  /** undefined: it gives none, or one that the function says itself. */
  readonly result: Part | undefined
}

export interface Match {
  readonly parameters: readonly AnyType[]
  readonly result: AnyType | undefined
  /** What T is. */
  readonly element: AnyScalar
  readonly shape: number
}

/**
 * @param text parameters, then `->` and the result. `T` is a scalar of type T, `*T` a scalar or vector, `vT` a vector of any size, `v3T` of 3; in place of T
 * may be I or a type. All vectors of any size in it have one size.
 * @param range of T
 */
export function signature(text: string, range: keyof typeof classes = 'none'): Signature {
  const [parameters, result] = text.split('->').map((side) => side.trim().split(/\s+/).filter(Boolean).map(part))
  return { text, range, parameters, result: result?.[0] }
}

function part(text: string): Part {
  const [, shape, element] = /^(\*|v[234]?|)(T|I|bool|i32|u32|f32)$/.exec(text)!
  const size = shape === '*' ? 'N' : shape === 'v' ? 'V' : shape ? (Number(shape[1]) as 2 | 3 | 4) : 0
  return { shape: size, element: element as Part['element'] }
}

/** @param constant whether all arguments are const-expressions: only then T may be abstract */
export function match(signature: Signature, types: readonly AnyType[], constant: boolean): Match | undefined {
  if (types.length !== signature.parameters.length) return undefined
  let shape = -1
  const bound: Record<'T' | 'I', AnyScalar[]> = { T: [], I: [] }
  for (const [i, { shape: wanted, element }] of signature.parameters.entries()) {
    const own = shapeOf(types[i])
    if (own < 0) return undefined
    if (wanted === 'N' || wanted === 'V') {
      if ((wanted === 'V' && own === 0) || (shape >= 0 && own !== shape)) return undefined
      shape = own
    } else if (own !== wanted) {
      return undefined
    }
    const given = elementOf(types[i])!
    if (element === 'T' || element === 'I') bound[element].push(given)
    else if (!converts(given, scalar(element))) return undefined
  }
  const choose = (range: readonly AnyScalarName[], given: readonly AnyScalar[]) =>
    range.map(scalar).find((type) => (constant || !type.name.startsWith('abstract')) && given.every((one) => converts(one, type)))
  const t = bound.T.length ? choose(classes[signature.range], bound.T) : scalar('bool')
  const i = bound.I.length ? choose(['abstract-int', 'i32'], bound.I) : scalar('i32')
  if (!t || !i) return undefined
  const typeOf = ({ shape: wanted, element }: Part) =>
    shaped(wanted === 'N' || wanted === 'V' ? shape : wanted, element === 'T' ? t : element === 'I' ? i : scalar(element))
  return {
    parameters: signature.parameters.map(typeOf),
    result: signature.result && typeOf(signature.result),
    element: t,
    shape: Math.max(0, shape),
  }
}

export function matchAny(signatures: readonly Signature[], types: readonly AnyType[], constant: boolean): Match | undefined {
  for (const one of signatures) {
    const found = match(one, types, constant)
    if (found) return found
  }
  return undefined
}

/** What a function takes, for errors: "(T, T), T being i32, u32 or f32, or vectors of them". */
export function describe(signatures: readonly Signature[]): string {
  return signatures
    .map(({ parameters, range }) => {
      const some = parameters.some(({ shape }) => shape === 'N')
      const list = parameters.map(({ shape, element }) => {
        const name = element === 'I' ? 'i32' : element
        if (shape === 'N') return element === 'T' ? 'T' : `${name} or a vector of it`
        if (shape === 'V') return `vecN<${name}>`
        return shape === 0 ? name : `vec${shape}<${name}>`
      })
      const vectors = some && parameters.some(({ shape, element }) => shape === 'N' && element === 'T')
      return `(${list.join(', ')})${range === 'none' ? '' : `, T being ${classNames[range]}${vectors ? ', or a vector of it' : ''}`}`
    })
    .join('; or ')
}
