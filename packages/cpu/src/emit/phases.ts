/**
 * Barriers: a workgroup of more lanes than one group runs in phases. What lies between barriers is a run: each group of lanes goes through it in turn. Constructs
 * with barriers inside are entered by all together (WGSL demands that), so that their control flow is written once, around the runs.
 * Variables that one run leaves to another are kept in memory, once a group.
 */
import type { Frame, Kernel, Local, Statement } from '../analyse/ir.js'
import { eachLocal, eachStatement, listsOf, valuesOf, writtenBy } from '../analyse/visit.js'

export interface Run {
  readonly statements: Statement[]
  readonly reads: ReadonlySet<Local>
  readonly writes: ReadonlySet<Local>
  /** Declared in it: they have no earlier value. */
  readonly declares: ReadonlySet<Local>
}

export type Phase =
  | { readonly kind: 'run'; readonly run: Run }
  /** A construct with barriers inside, or a way out of such. */
  | { readonly kind: 'construct'; readonly statement: Statement; readonly lists: readonly Phase[][] }

export interface Phases {
  readonly phases: Phase[]
  /** Locals that differ from group to group and live from one run to another. */
  readonly crossing: readonly Local[]
}

export function hasBarrier(list: readonly Statement[]): boolean {
  let found = false
  eachStatement(list, (statement) => {
    if (statement.op === 'barrier') found = true
  })
  return found
}

/** Where the statements behind the last one with a barrier begin. */
const tailOf = (list: readonly Statement[]) => list.findLastIndex((statement) => hasBarrier([statement])) + 1

export function findPhases(kernel: Kernel): Phases {
  const phased = new Set<Statement>()
  const frames = new Set<Frame>()
  // Behind the last barrier of a block lanes may leave it one by one: it is the end of all of them (`exempt`).
  const mark = (list: readonly Statement[], exempt: readonly Frame[] = []): boolean => {
    let any = false
    for (const statement of list) {
      const tail = statement.op === 'block' ? tailOf(statement.body) : 0
      const inside = (
        statement.op === 'block'
          ? [mark(statement.body.slice(0, tail), exempt), mark(statement.body.slice(tail), [...exempt, statement.frame])]
          : listsOf(statement).map((inner) => mark(inner, exempt))
      ).some((found) => found)
      const leaves =
        (statement.op === 'break' || statement.op === 'continue') && frames.has(statement.target) && !exempt.includes(statement.target)
      if (inside || leaves || statement.op === 'barrier') {
        any = true
        if (phased.has(statement)) continue
        phased.add(statement)
        if (statement.op === 'block' || statement.op === 'loop') frames.add(statement.frame)
        if (statement.op === 'loop') frames.add(statement.bodyFrame)
      }
    }
    return any
  }
  // Until no way out of a construct with barriers is overlooked.
  for (let size = -1; size !== phased.size; ) {
    size = phased.size
    mark(kernel.body)
  }
  const places = new Map<Local, number>()
  const seen = (local: Local) => places.set(local, (places.get(local) ?? 0) + 1)
  const divide = (list: readonly Statement[]): Phase[] => {
    const found: Phase[] = []
    let current: Statement[] = []
    const finish = () => {
      if (current.length) {
        const run = describe(current)
        for (const local of new Set([...run.reads, ...run.writes])) seen(local)
        found.push({ kind: 'run', run })
      }
      current = []
    }
    for (const statement of list) {
      if (!phased.has(statement)) {
        current.push(statement)
        continue
      }
      finish()
      if (statement.op === 'barrier') continue
      for (const value of valuesOf(statement)) eachLocal(value, seen)
      const tail = statement.op === 'block' ? tailOf(statement.body) : 0
      if (statement.op === 'block' && statement.body.slice(tail).every((each) => !phased.has(each))) {
        const own: Statement = { op: 'block', frame: statement.frame, body: statement.body.slice(tail) }
        found.push({ kind: 'construct', statement, lists: [divide([...statement.body.slice(0, tail), own])] })
      } else found.push({ kind: 'construct', statement, lists: listsOf(statement).map(divide) })
    }
    finish()
    return found
  }
  const phases = divide(kernel.body)
  const crossing = [...places]
    .filter(([local, count]) => count > 1 && local.shape && (local.shape.varying || local.shape.perGroup))
    .map(([local]) => local)
  return { phases, crossing }
}

function describe(statements: Statement[]): Run {
  const reads = new Set<Local>()
  const writes = new Set<Local>()
  const declares = new Set<Local>()
  eachStatement(statements, (statement) => {
    for (const value of valuesOf(statement)) eachLocal(value, (local) => reads.add(local))
    for (const local of writtenBy(statement)) {
      writes.add(local)
      if (statement.op !== 'assign' || statement.declares) declares.add(local)
    }
  })
  return { statements, reads, writes, declares }
}
