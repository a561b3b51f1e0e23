import type { Position } from '../check/program.js'

export interface Token extends Position {
  readonly kind: 'name' | 'keyword' | 'number' | 'mark' | 'end'
  /** As it is written; 'end of the file' for the token after the last. */
  text: string
  length: number
  /** Of `<` and `>` that enclose a template list. */
  template?: boolean
}
