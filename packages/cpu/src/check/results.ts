/** Structs that functions of WGSL return. Each is one object: structs are the same type only when they are the same declaration. */
import type { ScalarType, StructType } from './program.js'
import { type AnyScalar, type AnyStruct, abstractFloat, abstractInt, bool, f32, i32, shaped, structOf, u32 } from './types.js'

const shapes = [0, 2, 3, 4]

function pairs(
  function_: string,
  names: readonly [string, string],
  second: AnyScalar,
  abstractSecond: AnyScalar,
): (shape: number, abstract: boolean) => AnyStruct {
  const suffix = (shape: number, type: string) => (shape === 0 ? type : `vec${shape}_${type}`)
  const make = (shape: number, type: string, a: AnyScalar, b: AnyScalar) =>
    structOf(`__${function_}_result_${suffix(shape, type)}`, [
      { name: names[0], type: shaped(shape, a) },
      { name: names[1], type: shaped(shape, b) },
    ])
  const concretes = new Map(shapes.map((shape) => [shape, make(shape, 'f32', f32, second)]))
  const abstracts = new Map(
    shapes.map((shape) => [
      shape,
      { ...make(shape, 'abstract', abstractFloat, abstractSecond), concrete: concretes.get(shape) as StructType },
    ]),
  )
  return (shape, abstract) => (abstract ? abstracts : concretes).get(shape)!
}

/** @param shape of the argument */
export const modfResult = pairs('modf', ['fract', 'whole'], f32, abstractFloat)
export const frexpResult = pairs('frexp', ['fract', 'exp'], i32, abstractInt)

const exchanges = [i32, u32].map((element) =>
  structOf(`__atomic_compare_exchange_result_${element.name}`, [
    { name: 'old_value', type: element },
    { name: 'exchanged', type: bool },
  ]),
)

export function exchangeResult(element: ScalarType): StructType {
  return exchanges[element.name === 'i32' ? 0 : 1] as StructType
}
