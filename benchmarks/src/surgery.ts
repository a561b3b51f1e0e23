/** What a user waits for before a search begins and after it ended: reading a file, finding its channel groups, cutting. No GPU. */
import { buildArchitecture, channelGroups, exportOnnx, importOnnx, pruneChannels } from '@espalier/nn'
import { surroundings } from './environment.js'
import { type Check, digits } from './report.js'
import { summarise } from './statistics.js'

const rounds = 7

/** ResNet-50 at ImageNet's size (25,557,032 parameters): half of every group goes, every other channel. */
export async function measureSurgery(): Promise<Check[]> {
  const here = surroundings()
  console.log('\nsurgery')
  const bytes = exportOnnx(buildArchitecture('resnet50', { input: [3, 224, 224], classes: 1000 }))
  const reading: number[] = []
  const cutting: number[] = []
  let left = 0
  // A graph of its own each time: groups are kept with the graph they were found in. The first round is a warm-up.
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now()
    const graph = await importOnnx(bytes)
    const groups = channelGroups(graph)
    const read = performance.now()
    const free = groups.filter(({ locked }) => locked === null)
    const kept = free.map(({ id, channels }) => [id, Array.from({ length: channels >> 1 }, (_, i) => 2 * i)] as const)
    const small = pruneChannels(graph, Object.fromEntries(kept))
    const end = performance.now()
    left = [...small.initializers.values()].reduce((sum, { data }) => sum + data.length, 0)
    if (round === 0) continue
    reading.push(read - start)
    cutting.push(end - read)
  }
  const check = (title: string, times: readonly number[], limit: number, what: string): Check => {
    const { median, low, high } = summarise(times)
    const detail = `quartiles ${digits(low)} .. ${digits(high)} of ${times.length}; ${what}`
    console.log(`  ${title}: ${digits(median)} ms (limit ${limit}), ${detail}`)
    return { ...here, title, value: median, unit: 'ms', limit, detail }
  }
  return [
    check('import and grouping, ResNet-50', reading, 2000, `${digits(bytes.length / 2 ** 20)} MiB of ONNX`),
    check('surgery, ResNet-50', cutting, 1000, `${left.toLocaleString('en-US')} numbers left`),
  ]
}
