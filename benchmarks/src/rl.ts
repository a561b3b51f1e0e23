/** What `packages/rl` costs beside the environment: steps, updates, memory of a long run, and from which width a GPU would be faster. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Gpu } from '@espalier/kernels'
import { type LearnOptions, learn } from '@espalier/rl'
import { environment, policyUpdate, policyUpdateOnGpu } from './contenders/policy.js'
import { surroundings } from './environment.js'
import { type Check, digits } from './report.js'
import { paired, quantile, type Summary, summarise } from './statistics.js'

const rounds = 7
/** Hidden layers, two of each, whose update is timed on both sides. */
const widths = [32, 64, 128, 256, 512]

export async function measureRl(gpu: Gpu): Promise<Check[]> {
  const here = surroundings()
  console.log('\nrl')
  const checks: Check[] = []
  const add = (check: Pick<Check, 'title' | 'value' | 'unit' | 'limit' | 'detail'>) => {
    checks.push({ ...here, ...check })
    console.log(`  ${check.title}: ${digits(check.value)} ${check.unit}, ${check.detail}`)
  }

  const ppo = await phases({ algorithm: 'ppo', steps: 2048 * (rounds + 1), environment, costLimits: [] })
  const minibatches = (2048 / 64) * 10
  add({
    title: 'rl: environment steps, PPO, trivial environment',
    value: 2048 / (ppo.collection / 1000),
    unit: '/s',
    detail: 'policy of [64, 64] asked step by step, one environment, one core',
  })
  add({
    title: 'rl: updates, PPO, minibatches of 64',
    value: minibatches / (ppo.update / 1000),
    unit: '/s',
    detail: 'each a gradient and an Adam step of the policy and of the critic, [64, 64]; one core',
  })
  const same = {
    environments: 3,
    collect: { stepsPerEnvironment: 128 },
    costLimits: [1, 1],
    steps: 384 * (rounds + 1),
    environment,
  } as const
  const paper = await phases({ ...same, algorithm: 'ppo-lag', form: 'paper', targetKl: Number.POSITIVE_INFINITY })
  const wide = await phases({
    ...same,
    algorithm: 'ppo-lag',
    hidden: [64, 64],
    epochs: 10,
    minibatch: 64,
    targetKl: Number.POSITIVE_INFINITY,
  })
  const what = '384 samples, 10 epochs of minibatches of 64; policy and 3 critics'
  add({ title: 'rl: update of the paper, [32, 32]', value: paper.update, unit: 'ms', limit: 150, detail: what })
  add({ title: 'rl: update of PPO-Lagrangian, [64, 64]', value: wide.update, unit: 'ms', limit: 150, detail: what })

  const sizes = await memory()
  const mib = (bytes: number) => `${digits(bytes / 2 ** 20)} MiB`
  add({
    title: 'rl: heap after 1e6 steps over 1e5 steps',
    value: sizes[2].heap / sizes[0].heap,
    unit: '',
    limit: 1.05,
    detail: sizes.map(({ steps, heap, rss }) => `${steps.toLocaleString('en-US')} steps: heap ${mib(heap)}, RSS ${mib(rss)}`).join('; '),
  })

  for (const width of widths) {
    const { ratio, cpu, onGpu } = await sides(gpu, width)
    add({
      title: `rl: policy iteration on the GPU over the CPU, [${width}, ${width}]`,
      value: ratio.median,
      unit: '',
      detail: `${digits(ratio.low)} .. ${digits(ratio.high)} of ${ratio.count}; CPU ${digits(cpu)} ms, GPU ${digits(onGpu)} ms; 384 samples`,
    })
  }
  return checks
}

/**
 * Medians of the collection and of the update of an iteration, after the first, in ms: an iteration collects until its last step. Time of the
 * processor, not of the clock: on one core the same, and a busy machine changes it least.
 */
async function phases(options: LearnOptions): Promise<{ collection: number; update: number }> {
  const make = options.environment!
  const collections: number[] = []
  const updates: number[] = []
  let start = processorMs()
  let stepped = start
  await learn({
    ...options,
    environment() {
      const each = make()
      const { step } = each
      each.step = (action) => {
        const result = step(action)
        stepped = processorMs()
        return result
      }
      return each
    },
    onIteration() {
      const now = processorMs()
      collections.push(stepped - start)
      updates.push(now - stepped)
      start = now
    },
  })
  return { collection: quantile(collections.slice(1), 0.5), update: quantile(updates.slice(1), 0.5) }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The same iteration on either side, by turns. */
async function sides(gpu: Gpu, width: number): Promise<{ ratio: Summary; cpu: number; onGpu: number }> {
  const cases = [await policyUpdate(width), await policyUpdateOnGpu(gpu, width)]
  const times: [number[], number[]] = [[], []]
  // The first round is a warm-up. Wide layers take seconds on a software adapter.
  for (let round = 0, begin = performance.now(); round <= rounds && (round <= 3 || performance.now() - begin < 20_000); round++) {
    for (const [i, each] of cases.entries()) {
      const { ms } = await each.once()
      if (round > 0) times[i].push(ms)
    }
  }
  for (const each of cases) await each.dispose?.()
  const [cpu, onGpu] = times.map((list) => quantile(list, 0.5))
  return { ratio: summarise(paired(times[1], times[0])), cpu, onGpu }
}

/** Heap (after collecting garbage) and resident set at three points of a run of 1e6 steps that keeps no history. */
async function memory(): Promise<{ steps: number; heap: number; rss: number }[]> {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const points = [100_000, 500_000, 1_000_000]
  const found: { steps: number; heap: number; rss: number }[] = []
  await learn({
    algorithm: 'ppo-lag',
    environment,
    environments: 8,
    costLimits: [1, 1],
    steps: points[2],
    collect: { stepsPerEnvironment: 250 },
    hidden: [8],
    epochs: 1,
    history: false,
    onIteration({ steps }) {
      if (steps < points[found.length]) return
      collectGarbage()
      const { heapUsed, rss } = process.memoryUsage()
      found.push({ steps, heap: heapUsed, rss })
    },
  })
  return found
}
