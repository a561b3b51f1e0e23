/** All kinds of wrong shaders. */
import type { Invalid } from './frame.js'
import { programs, uniformLayout } from './programs.js'
import { syntax } from './syntax.js'
import { types } from './types.js'

export { type Invalid, uniformLayout }
export const invalid: readonly Invalid[] = [...syntax, ...types, ...programs]
