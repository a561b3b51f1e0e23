/** The functions of the WGSL library that are described by signatures. Those that are special (pointers, structs, matrices) are in `../builtins.ts`. */

import { signature } from '../signatures.js'
import type { LibraryFunction } from './entry.js'
import { floats } from './floats.js'
import { integers } from './integers.js'
import { packing } from './packing.js'

/** For fragment shaders: they have no value otherwise. */
const derivatives = Object.fromEntries(
  ['dpdx', 'dpdy', 'fwidth'].flatMap((name) =>
    ['', 'Coarse', 'Fine'].map((kind): [string, LibraryFunction] => [`${name}${kind}`, { signatures: [signature('*f32 -> *f32')] }]),
  ),
)

const all: ReadonlyMap<string, LibraryFunction> = new Map(Object.entries({ ...floats, ...integers, ...packing, ...derivatives }))

export function libraryFunction(name: string): LibraryFunction | undefined {
  return all.get(name)
}

export const libraryNames: readonly string[] = [...all.keys()]
