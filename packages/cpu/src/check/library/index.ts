/** The functions of the WGSL library that are described by signatures. Those that are special (pointers, structs, matrices) are in `../builtins.ts`. */
import type { LibraryFunction } from './entry.js'
import { floats } from './floats.js'
import { integers } from './integers.js'
import { packing } from './packing.js'

const all: ReadonlyMap<string, LibraryFunction> = new Map(Object.entries({ ...floats, ...integers, ...packing }))

export function libraryFunction(name: string): LibraryFunction | undefined {
  return all.get(name)
}

export const libraryNames: readonly string[] = [...all.keys()]
