/** Helper functions of a generated program: parameters by value and by pointer, early returns, private variables that they change. */
import { block, type Context, declare, type Func, freshName, type Parameter, write } from './context.js'
import { value } from './expressions.js'
import { someType, statements } from './statements.js'
import type { Type } from './types.js'

/** Writes a function and adds it to those that what follows may call. */
export function helperFunction(c: Context): void {
  const r = c.random
  const name = freshName(c, 'h')
  const privates = c.scopes[0].filter((variable) => variable.space === 'private')
  const parameters = Array.from(
    {
      length: r.index([1, 4, 4, 2]),
    },
    (): Parameter => {
      const way = r.kind({ value: 3, function: 1.5, private: privates.length > 0 ? 0.4 : 0 })
      const own = freshName(c, way === 'value' ? 'a' : 'p')
      if (way === 'private') return { name: own, type: r.pick(privates).type, pointer: 'private' }
      return way === 'value' ? { name: own, type: someType(c) } : { name: own, type: someType(c), pointer: 'function' }
    },
  )
  const result: Type | undefined = r.chance(0.85) ? someType(c) : undefined
  const scopes = c.scopes
  c.scopes = [scopes[0], []]
  c.privates = new Set()
  for (const { name: own, type, pointer } of parameters)
    declare(
      c,
      pointer
        ? { name: own, text: `(*${own})`, type, mutable: true, space: pointer, root: own, pointer: own }
        : { name: own, text: own, type, mutable: false, space: 'value', root: own },
    ) // prettier-ignore
  const list = parameters.map(({ name: own, type, pointer }) => `${own}: ${pointer ? `ptr<${pointer}, ${type.name}>` : type.name}`)
  c.returns = result ?? 'nothing'
  const budget = c.budget
  c.budget = 3 + r.below(8)
  block(c, `fn ${name}(${list.join(', ')})${result ? ` -> ${result.name}` : ''}`, () => {
    if (!statements(c, 2 + r.below(3)) && result) write(c, `return ${value(c, result, 2).text};`)
  })
  c.budget = budget
  c.returns = 'no'
  c.scopes = scopes
  const f: Func = { name, parameters, result, privates: c.privates }
  c.privates = new Set()
  c.functions.push(f)
}
