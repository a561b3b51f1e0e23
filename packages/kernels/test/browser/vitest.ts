/**
 * What test files import as `vitest` in a page: tests are registered here and run one by one from outside, by number; `expect` is
 * vitest's own. Whatever of vitest is missing here fails to bundle or to load.
 */
import { JestAsymmetricMatchers, JestChaiExpect } from '@vitest/expect'
import * as chai from 'chai'

chai.use(JestChaiExpect)
chai.use(JestAsymmetricMatchers)
export const expect = chai.expect

type Body = () => unknown
interface Suite {
  readonly names: readonly string[]
  readonly parent?: Suite
  readonly before: Body[]
  readonly after: Body[]
  begun: boolean
}

let suite: Suite = { names: [], before: [], after: [], begun: false }
const tests: { readonly name: string; readonly suite: Suite; readonly body: Body }[] = []

export const beforeAll = (body: Body) => void suite.before.push(body)
export const afterAll = (body: Body) => void suite.after.push(body)

/** Vitest's `%s` for a row's values in turn, `$name` for a row's field. */
function titled(title: string, row: unknown): string {
  const values = Array.isArray(row) ? [...row] : [row]
  return title
    .replace(/%s/g, () => String(values.shift()))
    .replace(/\$(\w+)/g, (_, field) => String((row as Record<string, unknown>)[field]))
}

const withEach = (add: (name: string, body: Body) => void) =>
  Object.assign(add, {
    each: (rows: readonly unknown[]) => (title: string, body: (...row: unknown[]) => unknown) => {
      for (const row of rows) add(titled(title, row), () => body(...(Array.isArray(row) ? row : [row])))
    },
  })

export const test = withEach((name, body) => void tests.push({ name: [...suite.names, name].join(' > '), suite, body }))
export const it = test
export const describe = withEach((name, body) => {
  const parent = suite
  suite = { names: [...parent.names, name], parent, before: [], after: [], begun: false }
  body()
  suite = parent
})

const within = (inner: Suite | undefined, outer: Suite): boolean => inner !== undefined && (inner === outer || within(inner.parent, outer))

/** Runs a test with the hooks that are due before and after it; what failed. */
async function run(index: number): Promise<string | null> {
  const { suite, body } = tests[index]
  const chain: Suite[] = []
  for (let each: Suite | undefined = suite; each; each = each.parent) chain.unshift(each)
  try {
    for (const each of chain) {
      if (!each.begun) for (const hook of each.before) await hook()
      each.begun = true
    }
    await body()
    for (const each of chain.reverse())
      if (!tests.some((other, i) => i > index && within(other.suite, each))) for (const hook of each.after) await hook()
    return null
  } catch (error) {
    // Chromium's stack begins with the message.
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

export interface Tests {
  readonly names: readonly string[]
  run(index: number): Promise<string | null>
}
// By the time a timer fires, the test file, which imports this one, has registered its tests.
setTimeout(() => Object.assign(globalThis, { espalierTests: { names: tests.map(({ name }) => name), run } satisfies Tests }))
