/** Errors for names that are not declared. */
import type { Context } from './context.js'
import { libraryNames } from './library/index.js'
import { plainTypes } from './predeclared.js'
import { type Position, WgslError } from './program.js'

const otherFunctions = [
  ...['workgroupBarrier', 'storageBarrier', 'workgroupUniformLoad', 'arrayLength', 'transpose', 'determinant', 'modf', 'frexp', 'bitcast'],
  ...['Load', 'Store', 'Add', 'Sub', 'Max', 'Min', 'And', 'Or', 'Xor', 'Exchange', 'CompareExchangeWeak'].map((name) => `atomic${name}`),
]
const generators = ['vec2', 'vec3', 'vec4', 'array', 'atomic']

/** Throws that a name is not declared, with the nearest one that is. */
export function unresolved(context: Context, name: string, position: Position, what: 'type' | 'function' | 'identifier'): never {
  const known: string[] = [...context.module.declared.keys(), ...plainTypes.keys(), ...libraryNames, ...otherFunctions, ...generators]
  for (let scope = context.scope; scope; scope = scope.parent) known.push(...scope.names.keys())
  const near = nearest(name, known)
  throw new WgslError(`unresolved ${what} '${name}'${near ? `; is it '${near}'?` : ''}`, position)
}

/** The name that takes the fewest changes of letters, where those are few. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 64) return undefined
  let best: string | undefined
  let least = Math.floor(name.length / 3) + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue
    const changes = distance(name.toLowerCase(), candidate.toLowerCase())
    if (changes < least) {
      least = changes
      best = candidate
    }
  }
  return best
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
  }
  return row[b.length]
}
