import type { Program } from './program.js'

/** Parses and checks a WGSL module. @throws WgslError for the first thing that is wrong */
export function checkModule(_source: string): Program {
  throw new Error('not there yet')
}
