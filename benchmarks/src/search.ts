/**
 * What a search pays for one episode (a candidate judged on the validation images), ours against AMC's scheme on the same engine and adapter, and how that
 * grows with the network and with the images.
 *
 * AMC (arXiv 1802.03494, authors' code): in every episode and for every layer the least squares are formed anew from 30,000 sampled rows (3,000 images x 10
 * positions: X^T X and X^T Y of the kept columns) and solved; then one candidate goes through the network. The code keeps the samples from the start; with
 * `--use_new_input` it gathers them anew. Both are measured. All arms that re-fit judge with the same weights, and their losses agree to the bit.
 */
import type { Gpu } from '@espalier/kernels'
import type { Random } from '@espalier/nn'
import {
  addProducts,
  buildArchitecture,
  type ChannelGroup,
  channelGroups,
  costOf,
  createRandom,
  type Dataset,
  type Graph,
  gatherGrams,
  groupsOf,
  type Judgement,
  type Kept,
  type MaskedEvaluator,
  maskedEvaluator,
  padded,
  refitLayers,
  removedClasses,
} from '@espalier/nn'
import { surroundings } from './environment.js'
import { dataset, normalization, withStatistics } from './network.js'
import { type Check, digits } from './report.js'
import { paired, summarise } from './statistics.js'

/** AMC's samples. */
const sampled = { images: 3000, positions: 10 }
const rows = sampled.images * sampled.positions
/** Validation images of an episode, and images in a run. */
export const images = 200
const batch = 100
/** Milliseconds for the rounds of a network. */
const budget = 90_000
const goal = 20

interface Arm {
  readonly label: string
  /** Episodes of a round: AMC's take long. */
  readonly episodes: number
  judge(kept: readonly Kept[]): Promise<Judgement[]>
}

export const common = { normalization, batch, recalibrate: true }
export const openGroups = (graph: Graph) => channelGroups(graph).filter(({ locked }) => locked === null)

/** Each group keeps 30 to 90% of its channels, the first ones: kept sets are nested, as those of a ranking are. */
export const drawn = (groups: readonly ChannelGroup[], random: Random): Kept =>
  Object.fromEntries(
    groups.map(({ id, channels }) => [
      id,
      Array.from({ length: Math.max(1, Math.round(random.uniform(0.3, 0.9) * channels)) }, (_, i) => i),
    ]),
  )

/** What the authors' code does in an episode before it solves: the sums over all rows, of kept inputs and outputs. The rows are noise here, and the sums unused. */
function createSums(graph: Graph): (kept: Kept) => void {
  const random = createRandom(5, 'rows')
  const { layers } = refitLayers(graph, openGroups(graph))
  const widest = Math.max(...layers.map(({ inputs, taps, outputs }) => padded(inputs.length * taps + outputs.length)))
  const part = 1000
  const values = new Float64Array(part * widest).map(() => random.normal())
  const grouping = groupsOf(graph)
  return (kept) => {
    const removed = removedClasses(grouping, kept)
    for (const { inputs, taps, outputs } of layers) {
      const width = padded(inputs.filter((atom) => !removed.has(grouping.analysis.find(atom))).length * taps + outputs.length)
      const sums = new Float64Array(width * width)
      for (let row = 0; row < rows; row += part) addProducts(sums, values.subarray(0, part * width), width)
    }
  }
}

/** A network, with the images' shape, how many rounds there are at least, and how many of our episodes in one. */
interface Compared {
  readonly title: string
  readonly graph: Graph
  readonly shape: Dataset['shape']
  readonly leastRounds: number
  readonly episodes: number
}

async function compareEpisodes(gpu: Gpu, { title, graph, shape, leastRounds, episodes }: Compared): Promise<Check[]> {
  const here = surroundings()
  console.log(`\nsearch, ${title} (load ${here.load})`)
  const groups = openGroups(graph)
  const training = dataset(sampled.images, shape)
  const gather = (options: { images?: number }) =>
    gatherGrams(gpu, graph, groups, training, { normalization, batch, positions: sampled.positions, ...options })
  // What is told of our own samples is `gatherGrams`'s default; the time of an episode does not depend on it.
  const statistics = await gather({})
  const evaluators: MaskedEvaluator[] = []
  const evaluator = async (options: Partial<Parameters<typeof maskedEvaluator>[4]>) => {
    const made = await maskedEvaluator(gpu, graph, groups, dataset(images, shape), { ...common, ...options })
    evaluators.push(made)
    return made
  }
  const [ours, plain, amc] = [
    await evaluator({ statistics }),
    await evaluator({ candidates: 8 }),
    await evaluator({ statistics, refit: { cacheBytes: 0 } }),
  ]
  const sums = createSums(graph)
  const arms: Arm[] = [
    { label: 're-fitted', episodes, judge: (kept) => ours.evaluate(kept) },
    { label: 'not re-fitted, 8 in a run', episodes, judge: (kept) => plain.evaluate(kept) },
    { label: 're-fitted, nothing remembered', episodes: episodes / 4, judge: (kept) => amc.evaluate(kept) },
    {
      label: "AMC's, samples kept",
      episodes: 1,
      judge: (kept) => {
        sums(kept[0])
        return amc.evaluate(kept)
      },
    },
    {
      label: "AMC's, samples gathered anew",
      episodes: 1,
      judge: async (kept) => {
        await gather(sampled)
        return amc.evaluate(kept)
      },
    },
  ]
  const random = createRandom(6, 'candidates')
  // The first run of everything, and the check that all that re-fit judge alike.
  const first = drawn(groups, random)
  const losses = await Promise.all([ours, amc].map(async (each) => (await each.evaluate([first]))[0].loss))
  if (losses[0] !== losses[1]) throw new Error(`${title}: losses ${losses.join(' and ')} of one candidate`)
  await plain.evaluate([first])
  const times = arms.map((): number[] => [])
  const start = performance.now()
  for (let round = 0; round < leastRounds || (round < 20 && performance.now() - start < budget); round++) {
    // What is remembered fills from round to round, as in a search.
    const kept = Array.from({ length: episodes }, () => drawn(groups, random))
    const order = arms.map((_, i) => (round % 2 ? arms.length - 1 - i : i))
    for (const i of order) {
      const before = performance.now()
      await arms[i].judge(kept.slice(0, arms[i].episodes))
      times[i].push((performance.now() - before) / arms[i].episodes)
    }
  }
  for (const each of evaluators) each.destroy()
  const checks = arms.map(({ label }, i): Check => {
    const { median, low, high, count } = summarise(times[i])
    const ratio = summarise(paired(times[i], times[0])).median
    const detail = `${digits(1000 / median)} episodes/s, quartiles ${digits(low)} .. ${digits(high)} of ${count}, ${digits(ratio)} times the re-fitted one's`
    return { ...here, title: `an episode, ${title}: ${label}`, value: median, unit: 'ms', detail }
  })
  for (const [name, i] of [
    ['samples kept', 3],
    ['samples gathered anew', 4],
  ] as const) {
    const { median, low, high } = summarise(paired(times[i], times[0]))
    const detail = `AMC's takes ${digits(median)} times as long (${digits(low)} .. ${digits(high)})`
    checks.push({
      ...here,
      title: `our episode's time over AMC's, ${name}, ${title}`,
      value: 1 / median,
      unit: '',
      limit: 1 / goal,
      detail,
    })
  }
  for (const { title: what, value, unit, detail } of checks) console.log(`  ${what}: ${digits(value)} ${unit}, ${detail}`)
  return checks
}

/** Seconds of a candidate, one in a run, on more images and in larger networks. */
async function measureGrowth(gpu: Gpu): Promise<Check[]> {
  const checks: Check[] = []
  console.log('\nsearch, growth')
  for (const name of ['resnet20', 'resnet56', 'vgg19']) {
    const here = surroundings()
    const graph = withStatistics(buildArchitecture(name))
    const groups = openGroups(graph)
    const counts = [100, 200, 400]
    const evaluators: MaskedEvaluator[] = []
    for (const count of counts) evaluators.push(await maskedEvaluator(gpu, graph, groups, dataset(count), common))
    const random = createRandom(7, 'candidates')
    const times = counts.map((): number[] => [])
    await evaluators[0].evaluate([drawn(groups, random)])
    for (let round = 0; round < 3; round++) {
      const kept = [drawn(groups, random)]
      for (const [i, each] of evaluators.entries()) {
        const before = performance.now()
        await each.evaluate(kept)
        times[i].push(performance.now() - before)
      }
    }
    for (const each of evaluators) each.destroy()
    const medians = times.map((each) => summarise(each).median)
    const detail = `${counts.map((count, i) => `${count} images ${digits(medians[i])}`).join(', ')} ms; ${digits(medians[2] / medians[0])} times from 100 to 400; ${digits(costOf(graph).macs / 1e6)} MMACs an image`
    checks.push({ ...here, title: `a candidate, ${name}, 400 images`, value: medians[2] / 1000, unit: 's', detail })
    console.log(`  ${name}: ${detail}`)
  }
  return checks
}

/** By the id under which `--only` names it. */
export const searches: Readonly<Record<string, (gpu: Gpu) => Promise<Check[]>>> = {
  'search-tiny': (gpu) => {
    const graph = withStatistics(buildArchitecture('tiny', { input: [1, 28, 28] }))
    const title = `tiny on 28 x 28 (${digits(costOf(graph).macs / 1e6)} MMACs)`
    return compareEpisodes(gpu, { title, graph, shape: [1, 28, 28], leastRounds: 3, episodes: 16 })
  },
  'search-resnet20': (gpu) => {
    const graph = withStatistics(buildArchitecture('resnet20'))
    return compareEpisodes(gpu, { title: 'ResNet-20', graph, shape: [3, 32, 32], leastRounds: 2, episodes: 32 })
  },
  'search-growth': measureGrowth,
}
