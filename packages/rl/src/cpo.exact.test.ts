/** CPO with exact oracles: tables in, nothing sampled, so that the optimum of the case is all that it can be judged by. */
import { expect, test } from 'vitest'
import { cpoDefaults, cpoUpdate } from './cpo.js'
import { readCase, sharedExists, type Table } from './testing/cases.js'
import { exactOracle } from './testing/exact.js'

const testShared = test.skipIf(!sharedExists)

const settings = cpoDefaults(1)

/** J after 400 updates; when the limits were first kept (to 5%), and the greatest cost since then as a multiple of its limit. */
function run(table: Table, limits: readonly number[], start: number[] | null) {
  const logits = new Float64Array((table.horizon ?? 1) * table.nS * table.nA)
  if (start) logits.set(start)
  const { evaluate, problem } = exactOracle(table, logits)
  let kept = -1
  let worst = 0
  for (let update = 1; update <= 400; update++) {
    cpoUpdate(problem(limits, settings.damping), settings)
    const ratios = evaluate()
      .slice(1)
      .map((cost, k) => cost / limits[k])
    if (kept < 0 && ratios.every((ratio) => ratio <= 1.05)) kept = update
    if (kept >= 0) worst = Math.max(worst, ...ratios)
  }
  return { J: evaluate(), kept, worst }
}

for (const name of ['cmdp1_bandit', 'cmdp2_risky_shortcut', 'cmdp3_slippery_grid', 'cmdp4_random5x3', 'cmdp5_two_constraints']) {
  testShared(`${name}: every budget's optimum to 1e-3 in 400 updates, the limit kept once it was met`, () => {
    const table = readCase(name)
    for (const { name: variant, budget, feasible, J_r } of table.budget_variants) {
      if (!feasible) continue
      // From the uniform policy, and from one far outside the limit where the case has it.
      for (const start of [null, variant === 'binding' && table.recovery_start_logits?.flat()]) {
        if (start === false || start === undefined) continue
        const { J, worst, kept } = run(table, budget, start)
        expect(Math.abs(J[0] - J_r), variant).toBeLessThan(1e-3)
        budget.forEach((limit: number, k: number) => {
          expect(J[1 + k], variant).toBeLessThan(limit * (1 + 1e-3))
        })
        expect(worst).toBeLessThan(1.05)
        if (start) expect(kept).toBeLessThanOrEqual(15)
      }
    }
  })
}

testShared('a limit that no policy keeps: the policy of least cost', () => {
  const table = readCase('cmdp4_random5x3')
  const variant = table.budget_variants.find(({ feasible }: { feasible: boolean }) => !feasible)
  const { J } = run(table, variant.budget, null)
  expect(J[1]).toBeLessThan(variant.J_c_min[0] + 1e-3)
})
