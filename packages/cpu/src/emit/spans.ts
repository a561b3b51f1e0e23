/** Which loads and stores of four lanes are vectors of memory: words of neighbouring lanes that follow one another, or take turns. */
import type { Shape, Statement } from '../analyse/ir.js'

/**
 * How many consecutive words the vectors reach over, from lane 0's first; 0 where lanes go one by one. One word a lane, side by side or every second
 * (loads only); two or four words a lane, side by side.
 */
export function spanOf(shape: Shape, statement: Statement & { op: 'load' | 'store' }): number {
  const words = statement.op === 'load' ? statement.to.length : statement.values.length
  if (shape.varying) return 0
  if (shape.stride === 4 * words && words !== 3) return 4 * words
  return statement.op === 'load' && words === 1 && shape.stride === 8 ? 7 : 0
}
