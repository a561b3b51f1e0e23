import { expect, test } from 'vitest'
import { createNest } from '../testing/bounds/nests.js'
import { createSandbox } from '../testing/sandbox.js'

const programs = 150
const casesEach = 20

test('nests of loops read and write inside of what is bound, and what they must', () => {
  let ran = 0
  for (let seed = 0; seed < programs; seed++) {
    const { code, names, createCase, expect: expectation } = createNest(seed)
    const sandbox = createSandbox(code)
    for (let i = 0; i < casesEach; i++) {
      const { bindings, groups, parameters } = createCase(seed * 1000 + i)
      const whatIsWrong = expectation({ bindings, groups, parameters })
      if (!whatIsWrong) continue
      const about = () => `program ${seed}, case ${i}: parameters ${parameters.join(' ')}\n${code}`
      try {
        sandbox.run(
          [groups, 1, 1],
          sandbox.pipeline.bindings.map(({ binding }) => bindings[names[binding]]),
        )
      } catch (error) {
        throw new Error(`${error}, ${about()}`)
      }
      const wrong = whatIsWrong(bindings)
      if (wrong) throw new Error(`${wrong}, ${about()}`)
      ran++
    }
  }
  expect(ran).toBeGreaterThan(2000)
})
