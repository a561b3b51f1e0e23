/**
 * Which values all lanes share (uniform), which grow by a constant from lane to lane (linear) and which are anything (varying); and where lanes part.
 * Optimistic: nothing is known at first, then shapes only grow until they are stable.
 *
 * A variable that is assigned where some of the lanes that may read it later are absent is varying. Lanes are absent in a branch of a varying
 * `if`, and, where lanes leave a block or loop at different times, in what of it the others still do. Those that have left a construct for good
 * do not count: `i` of a `for` loop stays linear though lanes end the loop at different times, for it ends with the loop.
 * In the same way a variable that only some groups of lanes assign differs from group to group.
 */
import { isComparison } from './fold.js'
import { type Frame, type Kernel, type Local, type Loop, type Shape, type Statement, uniform, type Value, varying } from './ir.js'
import { eachLocal, eachStatement, valuesOf, writtenBy } from './visit.js'

const scalar = (stride: number, perGroup: boolean): Shape => (stride === 0 && !perGroup ? uniform : { varying: false, stride, perGroup })

function join(a: Shape | undefined, b: Shape): Shape {
  if (!a) return b
  if (a.varying || b.varying || a.stride !== b.stride) return varying
  return scalar(a.stride, a.perGroup || b.perGroup)
}

const same = (a: Shape | undefined, b: Shape) =>
  a !== undefined && a.varying === b.varying && a.stride === b.stride && a.perGroup === b.perGroup

export interface Lanes {
  /** How the ids of lanes run. */
  readonly size: readonly [number, number, number]
}

/** The shape of a value by those of its locals; a local that nothing is known of counts as uniform. */
export function shapeOf(value: Value, size: readonly [number, number, number]): Shape {
  switch (value.op) {
    case 'const':
    case 'group':
    case 'groups':
    case 'size':
      return uniform
    case 'local':
      return value.local.shape ?? uniform
    case 'lane':
      return laneShape(value.axis, size)
    case 'binary': {
      const a = shapeOf(value.a, size)
      const b = shapeOf(value.b, size)
      if (a.varying || b.varying) return varying
      const perGroup = a.perGroup || b.perGroup
      if (a.stride === 0 && b.stride === 0) return scalar(0, perGroup)
      const isInteger = value.kind === 'u32' || value.kind === 'i32'
      if (isComparison(value.name) || !isInteger) return varying
      if (value.name === 'add') return scalar((a.stride + b.stride) | 0, perGroup)
      if (value.name === 'sub') return scalar((a.stride - b.stride) | 0, perGroup)
      if (value.name === 'mul' && value.b.op === 'const') return scalar(Math.imul(a.stride, value.b.value), perGroup)
      if (value.name === 'mul' && value.a.op === 'const') return scalar(Math.imul(b.stride, value.a.value), perGroup)
      if (value.name === 'shl' && value.b.op === 'const') return scalar(a.stride << (value.b.value & 31), perGroup)
      return varying
    }
    case 'bits': {
      const a = shapeOf(value.a, size)
      return a.varying || a.stride === 0 || (value.kind !== 'f32' && value.a.kind !== 'f32') ? a : varying
    }
    case 'unary': {
      const a = shapeOf(value.a, size)
      return a.varying || a.stride === 0 ? a : varying
    }
    case 'convert': {
      const a = shapeOf(value.a, size)
      return a.varying || a.stride === 0 ? a : varying
    }
    case 'fma':
    case 'select': {
      const all = value.op === 'fma' ? [value.a, value.b, value.c] : [value.condition, value.yes, value.no]
      const shapes = all.map((each) => shapeOf(each, size))
      if (value.op === 'select' && !shapes[0].varying && !shapes[1].varying && !shapes[2].varying && shapes[1].stride === shapes[2].stride)
        return scalar(
          shapes[1].stride,
          shapes.some((shape) => shape.perGroup),
        )
      if (shapes.some((shape) => shape.varying || shape.stride !== 0)) return varying
      return scalar(
        0,
        shapes.some((shape) => shape.perGroup),
      )
    }
  }
}

function laneShape(axis: 0 | 1 | 2 | 'index', [x, y, z]: readonly [number, number, number]): Shape {
  const count = x * y * z
  if (count === 1) return uniform
  const perGroup = count > 4
  if (axis === 'index') return scalar(1, perGroup)
  if (axis === 0) return y * z === 1 || x % 4 === 0 ? scalar(1, perGroup) : x === 1 ? uniform : varying
  if (axis === 1)
    return y === 1 ? uniform : x % 4 === 0 ? scalar(0, true) : x === 1 && (z === 1 || y % 4 === 0) ? scalar(1, perGroup) : varying
  return z === 1 ? uniform : (x * y) % 4 === 0 ? scalar(0, true) : x * y === 1 ? scalar(1, perGroup) : varying
}

export function analyseShapes(kernel: Kernel): void {
  const size = kernel.workgroupSize
  const lanes = size[0] * size[1] * size[2]
  const alone = lanes === 1
  let changed = true
  const stack: Frame[] = [kernel.root]
  const settled = new Set<Loop>()

  /** Whether lanes, or groups of them, that are in `home` may be absent here. */
  const absentSince = (home: Frame, which: 'divergent' | 'perGroup') => {
    for (let i = stack.length - 1; i >= 0 && stack[i] !== home; i--) if (stack[i][which]) return true
    return false
  }
  const assign = (local: Local, shape: Shape) => {
    const home = local.home ?? stack.at(-1)!
    const assigned =
      !alone && absentSince(home, 'divergent')
        ? varying
        : shape.varying
          ? shape
          : scalar(shape.stride, shape.perGroup || absentSince(home, 'perGroup'))
    const next = join(local.shape, assigned)
    if (same(local.shape, next)) return
    local.shape = next
    changed = true
  }
  const mark = (frame: Frame, which: 'divergent' | 'perGroup') => {
    if (frame[which]) return
    frame[which] = true
    changed = true
  }
  const part = (target: Frame) => {
    for (const which of ['divergent', 'perGroup'] as const) if (absentSince(target, which)) mark(target, which)
  }
  const within = (frame: Frame, list: readonly Statement[]) => {
    stack.push(frame)
    walk(list)
    stack.pop()
  }
  /** What is declared in a loop's body and read in its `continuing` is there still for lanes that left the body by `continue`. */
  const settleShared = (loop: Loop) => {
    if (settled.has(loop)) return
    settled.add(loop)
    const declared = new Set<Local>()
    eachStatement(loop.body, (inner) => {
      if (inner.op === 'declare') declared.add(inner.local)
      else if (inner.op !== 'assign' || inner.declares) for (const local of writtenBy(inner)) declared.add(local)
    })
    eachStatement(loop.continuing, (inner) => {
      for (const value of valuesOf(inner))
        eachLocal(value, (local) => {
          if (declared.has(local)) local.home ??= loop.frame
        })
    })
  }
  const walk = (list: readonly Statement[]) => {
    for (const statement of list) {
      if (statement.op === 'load' || statement.op === 'atomic') for (const local of writtenBy(statement)) local.home ??= stack.at(-1)
      switch (statement.op) {
        case 'declare':
          statement.local.home ??= stack.at(-1)
          break
        case 'assign':
          if (statement.declares) statement.to.home ??= stack.at(-1)
          assign(statement.to, shapeOf(statement.value, size))
          break
        case 'load': {
          const offset = shapeOf(statement.offset, size)
          const own = statement.memory.space === 'private' && !alone
          for (const local of statement.to) assign(local, own || offset.varying || offset.stride !== 0 ? varying : offset)
          break
        }
        case 'atomic':
          if (statement.to) assign(statement.to, alone ? uniform : varying)
          break
        case 'if': {
          const shape = shapeOf(statement.condition, size)
          if (shape.varying || shape.stride !== 0) mark(statement.frame, 'divergent')
          if (shape.perGroup) mark(statement.frame, 'perGroup')
          within(statement.frame, statement.yes)
          within(statement.frame, statement.no)
          break
        }
        case 'block':
          within(statement.frame, statement.body)
          break
        case 'loop':
          stack.push(statement.frame)
          walk(statement.initial)
          settleShared(statement)
          within(statement.bodyFrame, statement.body)
          walk(statement.continuing)
          stack.pop()
          break
        case 'break':
        case 'continue':
          part(statement.target)
          break
      }
    }
  }
  while (changed) {
    changed = false
    walk(kernel.body)
  }
}
