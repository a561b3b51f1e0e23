/** Random statements: declarations, assignments, calls; control flow is in flow.ts. */
import { construct, floatLiteral, fromVariable, hideZero, literal, mustLive } from './atoms.js'
import { block, type Context, clean, declare, type Expression, freshName, inside, level, type Variable, visible, write } from './context.js'
import { callOf, expression, live, value } from './expressions.js'
import { branch, lastOf, leave, leaveIf, loop, switching } from './flow.js'
import { contains, f32, isInteger, nothing, scalarOf, type Type, u32, vector } from './types.js'

/** Statements in a row, until the budget ends or control leaves: gives whether it did. */
export function statements(c: Context, count: number): boolean {
  for (let i = 0; i < count && c.budget > 0; i++) {
    c.budget--
    const nested = c.depth < 4 && c.budget > 2
    const write = c.random.weighted<(c: Context) => unknown>([
      [3, variable],
      [8, assign],
      [nested ? 3.5 : 0, branch],
      [nested && c.loops < 2 ? 2.5 : 0, loop],
      [nested ? 1 : 0, switching],
      [c.breakable || c.continuable || c.returns !== 'no' ? 2.5 : 0, leaveIf],
      [1, callStatement],
      [0.5, pointer],
      [nested ? 0.3 : 0, nestedBlock],
      [0.3, structured],
      [0.3, phony],
      [c.extras.length > 0 ? 1.2 : 0, () => c.random.pick(c.extras)(c)],
    ])
    if (write(c) === true || (c.depth > 1 && c.depth !== c.staying && c.random.chance(0.18) && leave(c))) return true
  }
  return false
}

/**
 * A name of its own, or, in an inner scope, sometimes one that hides an outer variable. Not one that a loop's body declares behind a `continue`: in `continuing` Tint
 * takes the inner variable for it, and refuses the program.
 */
function nameFor(c: Context, prefix: string): string {
  if (c.depth > 1 && c.random.chance(0.12)) {
    const here = new Set(c.scopes[c.scopes.length - 1].map(({ name }) => name))
    const outer = visible(c).filter(({ name, type }) => /^v\d+$/.test(name) && !here.has(name) && type !== nothing)
    if (outer.length > 0) return c.random.pick(outer).name
  }
  return freshName(c, prefix)
}

const depthOf = (c: Context) => 1 + c.random.below(3)

/** A type of the program for a variable. */
export const someType = (c: Context) => c.random.pick(c.types)

export function variable(c: Context, type: Type = someType(c)): void {
  const r = c.random
  const name = nameFor(c, 'v')
  const add = (space: Variable['space'], fixed = false) =>
    declare(c, { name, text: name, type, mutable: space === 'function', fixed, space, root: name })
  const kind = r.kind({ var: 5, let: 3, const: mustLive(c, type) ? 0 : 0.6, zero: 0.7 })
  if (kind === 'zero') {
    write(c, `var ${name}${r.pick([`: ${type.name}`, ` = ${type.name}()`])}; ${hideZero(c, name, type)}`)
    add('function')
  } else if (kind === 'const') {
    const e = constant(c, type)
    write(c, `const ${name}${r.chance(0.5) || scalarOf(type) !== undefined ? `: ${type.name}` : ''} = ${e.text};`)
    add('value', true)
  } else {
    const e = value(c, type, depthOf(c))
    // The optimiser before SwiftShader makes c1 * (c1 * x) of floats known before the program runs (c1 * c1) * x.
    const known = e.fixed === true && contains(type, f32)
    const written = known ? 'var' : kind
    write(c, `${written} ${name}${r.chance(0.4) ? `: ${type.name}` : ''} = ${e.text};${known ? ` ${hideZero(c, name, type)}` : ''}`)
    add(written === 'var' ? 'function' : 'value')
  }
}

/** A constant of any type, of small numbers. */
export function constant(c: Context, type: Type): Expression {
  if (type.kind === 'scalar') {
    const e = type === f32 ? floatLiteral(c) : literal(c, type)
    if (!isInteger(type) || c.random.chance(0.6)) return e
    // Operators on literals, evaluated by the compiler.
    const [a, b] = [c.random.below(50), 1 + c.random.below(9)]
    return {
      text: c.random.pick([`${a} + ${b}`, `${a} * ${b}`, `(${a + b} - ${b}) / ${b}`, `${a} % ${b}`, `1 << ${b}`, `max(${a}, ${b})`]),
      level: level.short,
      fixed: true,
    }
  }
  const parts =
    type.kind === 'vector'
      ? Array(type.size).fill(type.element)
      : type.kind === 'matrix'
        ? Array(type.columns).fill(vector(type.rows, f32))
        : type.kind === 'array'
          ? Array(type.count).fill(type.element)
          : type.members.map((member) => member.type) // prettier-ignore
  return { text: `${type.name}(${parts.map((part) => constant(c, part).text).join(', ')})`, level: level.primary, fixed: true, clean: true }
}

/** The types of parts of a variable that can be assigned to, the variable's own first. */
function target(c: Context, suits: (type: Type) => boolean) {
  const r = c.random
  const found = visible(c).filter((v) => v.mutable && c.types.some((type) => suits(type) && contains(v.type, type)))
  if (found.length === 0) return undefined
  const variable = r.pick(found)
  const types = [...c.types, ...(scalarOf(variable.type) && variable.type.kind !== 'scalar' ? [scalarOf(variable.type)!] : [])]
  const type = r.pick(types.filter((of) => suits(of) && contains(variable.type, of)))
  const part = fromVariable(c, type, 1, (v) => v === variable)
  return part && { text: part.text, type }
}

function assign(c: Context): void {
  const r = c.random
  const compound = r.chance(0.4)
  const to = target(c, (type) => !compound || (scalarOf(type)?.name ?? 'bool') !== 'bool')
  if (!to) variable(c)
  else if (!compound || to.type.kind === 'matrix') write(c, `${to.text} = ${value(c, to.type, depthOf(c)).text};`)
  else if (isInteger(to.type) && r.chance(0.25)) write(c, `${to.text}${r.pick(['++', '--'])};`)
  else if (scalarOf(to.type) === f32) addFloat(c, to.text, to.type)
  else updateInteger(c, to.text, to.type)
}

function addFloat(c: Context, text: string, type: Type): void {
  const r = c.random
  const e = expression(c, type, depthOf(c))
  // With an index, the same place may not be found twice.
  if (r.chance(0.5) || text.includes('[')) {
    const sum = {
      text: `${text} ${r.pick(c.floats === 'wild' ? ['+', '*'] : ['+', '-', '*'])} ${inside(e, level.unary)}`,
      level: level.sum,
    }
    write(c, `${text} = ${clean(c, type, sum).text};`)
  } else {
    write(c, `${text} ${r.pick(c.floats === 'wild' ? ['+=', '*='] : ['+=', '-='])} ${e.text};`)
    write(c, `${text} = ${clean(c, type, { text, level: level.primary }).text};`)
  }
}

function updateInteger(c: Context, text: string, type: Type): void {
  const r = c.random
  const operator = r.pick(['+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>='])
  const shift = operator === '<<=' || operator === '>>='
  const of: Type = shift ? (type.kind === 'vector' ? vector(type.size, u32) : u32) : type
  const mixed = type.kind === 'vector' && ['+=', '-=', '*='].includes(operator) && r.chance(0.3)
  const needsLive = shift || operator === '/=' || operator === '%='
  const e = needsLive ? live(c, of, depthOf(c)) : expression(c, mixed ? scalarOf(type)! : of, depthOf(c))
  write(c, `${text} ${operator} ${e.text};`)
}

function callStatement(c: Context): void {
  const f = c.calls && c.functions.length > 0 ? c.random.pick(c.functions) : undefined
  const e = f && callOf(c, f, 2)
  if (e) write(c, `${f.result && c.random.chance(0.3) ? '_ = ' : ''}${e.text};`)
  else assign(c)
}

/** `let p = &v.part;`: a pointer to a part, with indices as they are now. */
function pointer(c: Context): void {
  const found = visible(c).filter((v) => v.mutable && !v.pointer && !['vector', 'matrix'].includes(v.type.kind))
  if (found.length > 0) pointTo(c, c.random.pick(found))
  else variable(c)
}

function pointTo(c: Context, of: Variable): void {
  let [text, type] = [of.text, of.type]
  while (c.random.chance(0.6) && (type.kind === 'struct' || type.kind === 'array')) {
    if (type.kind === 'struct') {
      const member = c.random.pick(type.members)
      ;[text, type] = [`${text}.${member.name}`, member.type]
    } else {
      const index = fromVariable(c, u32, 1)
      ;[text, type] = [`${text}[${index ? `${index.text} % ${type.count}u` : 0}]`, type.element]
    }
  }
  if (of.space === 'private') c.privates.add(of.root)
  const name = freshName(c, 'p')
  write(c, `let ${name} = &${text};`)
  declare(c, { name, text: `(*${name})`, type, mutable: true, space: of.space, root: of.root, pointer: name })
}

function nestedBlock(c: Context): boolean {
  let ends = false
  block(c, '', () => {
    ends = lastOf(c, 1 + c.random.below(3))
  })
  return ends
}

/** A struct or array built of new values, and a part of it taken at once. */
function structured(c: Context): void {
  const type = c.random.pick(c.types)
  const name = freshName(c, 'v')
  write(c, `let ${name} = ${construct(c, type, 1).text};`)
  declare(c, { name, text: name, type, mutable: false, space: 'value', root: name })
}

/** Evaluated and dropped; also reads out of bounds, of which only that they do no harm is known. */
function phony(c: Context): void {
  const type = someType(c)
  const found = fromVariable(c, type, 1, (v) => v.type.kind === 'array')
  const arrayed = found && c.random.chance(0.5) ? found.variable.text : undefined
  write(c, `_ = ${arrayed ? `${arrayed}[${live(c, u32, 1).text}]` : live(c, type, 2).text};`)
}
