/** Where lanes part for good: breaks and continues that only some of a construct's lanes take, and the statements that hold such. */
import type { Frame, Kernel, Statement } from '../analyse/ir.js'

export interface Partial {
  /** Whether lanes may leave the construct here at different times. */
  readonly leaves: WeakSet<Statement>
  /** Whether some of the lanes that begin the statement may leave it for a place outside, so that not all go on behind it. */
  readonly splits: WeakSet<Statement>
}

export function findPartial(kernel: Kernel): Partial {
  const leaves = new WeakSet<Statement>()
  const splits = new WeakSet<Statement>()
  const stack: Frame[] = [kernel.root]
  const absentSince = (home: Frame) => {
    for (let i = stack.length - 1; i >= 0 && stack[i] !== home; i--) if (stack[i].divergent) return true
    return false
  }
  /** Frames that lanes may leave for, from within the list. */
  const walk = (list: readonly Statement[]): Set<Frame> => {
    const all = new Set<Frame>()
    for (const statement of list) {
      const targets = within(statement)
      if (targets.size && statement.op !== 'break' && statement.op !== 'continue') splits.add(statement)
      for (const target of targets) all.add(target)
    }
    return all
  }
  const inside = (frame: Frame, list: readonly Statement[]) => {
    stack.push(frame)
    const targets = walk(list)
    stack.pop()
    return targets
  }
  const within = (statement: Statement): Set<Frame> => {
    switch (statement.op) {
      case 'break':
      case 'continue':
        if (!absentSince(statement.target)) return new Set()
        leaves.add(statement)
        return new Set([statement.target])
      case 'if':
        return new Set([...inside(statement.frame, statement.yes), ...inside(statement.frame, statement.no)])
      case 'block': {
        const targets = inside(statement.frame, statement.body)
        targets.delete(statement.frame)
        return targets
      }
      case 'loop': {
        stack.push(statement.frame)
        const targets = walk(statement.initial)
        for (const target of inside(statement.bodyFrame, statement.body)) targets.add(target)
        for (const target of walk(statement.continuing)) targets.add(target)
        stack.pop()
        targets.delete(statement.frame)
        targets.delete(statement.bodyFrame)
        return targets
      }
      default:
        return new Set()
    }
  }
  walk(kernel.body)
  return { leaves, splits }
}
