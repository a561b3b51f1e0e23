/** Runtimes in turn, round by round: what disturbs the machine disturbs all of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gpu } from '@espalier/kernels'
import type { Arm, Comparison } from './comparisons.js'
import type { Measurement } from './contenders/contender.js'
import { surroundings } from './environment.js'
import type { Process } from './process.js'
import { type ArmResult, type ComparisonResult, ceilingLabel, digits, relation } from './report.js'
import type { Runtimes } from './runtimes.js'
import { disagreement, paired, quantile, summarise } from './statistics.js'

const leastRounds = 3
const mostRounds = 20
/** Runs of a turn. */
const mostRuns = 9
/** Milliseconds before a turn, where a turn is more than one run: threads of the one before may still watch for work. */
const rest = 50

interface Run {
  readonly arm: Arm
  readonly process: Process
  readonly rounds: Measurement[]
}

/** @param budget milliseconds for the rounds */
export async function compare(
  { title, arms, flops, tolerance = 1e-3, turn }: Comparison,
  runtimes: Runtimes,
  kind: Gpu['info']['kind'],
  budget: number,
): Promise<ComparisonResult> {
  const here = surroundings()
  console.log(`\n${title} (load ${here.load}${here.load > 1 ? ': the machine is busy' : ''})`)
  const runs: Run[] = []
  for (const arm of arms) {
    const process = await runtimes.of(arm)
    if (process) runs.push({ arm, process, rounds: [] })
  }
  const worst = await ready(title, runs, tolerance)
  const start = performance.now()
  for (let round = 0; round < mostRounds; round++) {
    if (round >= leastRounds && performance.now() - start > budget) break
    // A peer that would take all the time for itself has its least number of rounds.
    const taking = runs.filter((run) => run === runs[0] || round < leastRounds || run.rounds[0].ms < budget / 5)
    for (const run of round % 2 ? taking.reverse() : taking) run.rounds.push(await takeTurn(run, turn))
  }
  for (const { arm, process } of runs) await process.dispose(arm.case)
  const results = runs.map(resultOf)
  const [first, ...others] = results
  const ratios = others.map(({ label, rounds }, i) => ({
    label,
    ratio: summarise(paired(rounds, first.rounds.slice(0, rounds.length))),
    goal: runs[i + 1].arm.goal?.[kind === 'hardware' ? 'hardware' : 'software'],
  }))
  for (const { label, time, also } of results) {
    const ratio = ratios.find((each) => each.label === label)
    const byProcessor = first.also.processorMs ? also.processorMs / first.also.processorMs : 0
    const times = label === ceilingLabel ? `, at ${(100 * byProcessor).toFixed(1)}% by the processor's time` : ' times ours'
    const against = ratio ? `, ${relation(label, ratio.ratio)}${times}${ratio.goal ? ` (goal ${ratio.goal})` : ''}` : ''
    const processor = `, ${digits(also.processorMs)} ms of the processor`
    const speed = flops ? `, ${digits(flops / time.median / 1e6)} GFLOPS` : ''
    console.log(
      `  ${label.padEnd(23)} ${digits(time.median)} ms (least ${digits(time.min)}; ${digits(time.low)} .. ${digits(time.high)}, ${time.count} rounds)${processor}${speed}${against}`,
    )
  }
  return { ...here, title, flops, arms: results, ratios, disagreement: worst }
}

/** Everything compiled and run, outputs compared; the largest difference of outputs, where there are any. */
async function ready(title: string, runs: readonly Run[], tolerance: number): Promise<number | undefined> {
  let worst = 0
  let reference: number[] | undefined
  for (const { arm, process } of runs) {
    const start = performance.now()
    await process.prepare(arm.case)
    const outputs = await process.outputs(arm.case)
    if (outputs && reference) {
      const each = disagreement(outputs, reference)
      if (!(each <= tolerance))
        throw new Error(`${title}: ${arm.label} differs from ${runs[0].arm.label} by ${each}, more than ${tolerance}`)
      worst = Math.max(worst, each)
    }
    reference ??= outputs
    // The comparison was a warm-up already; one more run, so that pools and caches are as in the runs that follow, unless it takes minutes.
    if (performance.now() - start < 60_000) await process.once(arm.case)
    console.log(`  ${arm.label.padEnd(23)} ready after ${digits((performance.now() - start) / 1000)} s`)
  }
  return reference ? worst : undefined
}

/** One run, or the median of as many as there is time for. */
async function takeTurn({ arm, process }: Run, turn: number | undefined): Promise<Measurement> {
  if (turn) await sleep(rest)
  const start = performance.now()
  const taken = [await process.once(arm.case)]
  while (turn && taken.length < mostRuns && performance.now() - start < turn) taken.push(await process.once(arm.case))
  const median = medians(taken)
  const { times = 1 } = arm
  return { ...median, ms: median.ms * times, processorMs: median.processorMs * times }
}

const medians = (taken: readonly Measurement[]): Measurement =>
  Object.fromEntries(
    Object.keys(taken[0]).map((name) => [
      name,
      quantile(
        taken.map((each) => each[name]),
        0.5,
      ),
    ]),
  )

function resultOf({ arm, rounds }: Run): ArmResult {
  const times = rounds.map(({ ms }) => ms)
  const { ms: _, ...also } = medians(rounds)
  return { label: arm.label, rounds: times, time: summarise(times), also }
}
