/** From the chosen widths to a network that is really smaller. */
import type { Gpu } from '@espalier/kernels'
import {
  compareGraphs,
  compensatedGraph,
  type Dataset,
  evaluate,
  type Graph,
  type Judgement,
  maskGraph,
  maskName,
  masksOf,
  type Normalization,
  recalibrateBatchNorm,
} from '@espalier/nn'
import type { Cut, Space } from './space.js'

/** Greatest difference allowed between the masked and the cut network, relative to the greatest output (or 1, where that is smaller). */
const tolerance = 1e-4

/**
 * Cuts the channels, and checks on the GPU that the network without them gives what the network with them masked gives. Where single weights become zero nothing
 * is cut that could make a difference.
 */
export async function cutAndCheck(gpu: Gpu, space: Space, chosen: Cut, seed: number): Promise<{ graph: Graph; maxAbsDifference: number }> {
  const graph = space.graphOf(chosen)
  if (space.structure === 'weights') return { graph, maxAbsDifference: 0 }
  const kept = space.keptOf(chosen)
  const open = space.open.map(({ group }) => group)
  const masked = maskGraph(compensatedGraph(space.graph, kept), open)
  const feeds = Object.fromEntries(open.map((group) => [maskName(group.id), masksOf(group, [kept], 1)]))
  const { maxAbsDifference, scale } = await compareGraphs(gpu, masked, graph, { seed, feeds })
  if (!(maxAbsDifference <= tolerance * Math.max(1, scale)))
    throw new Error(
      `the pruned network does not agree with the masked one: greatest difference ${maxAbsDifference} at outputs up to ${scale}, allowed ${tolerance} of it`,
    )
  return { graph, maxAbsDifference }
}

/** Batch normalisation with the statistics that the smaller network has, where that helps on the validation images; and what the network is worth on them. */
export async function recalibrated(
  gpu: Gpu,
  graph: Graph,
  data: { train: Dataset; validation: Dataset; normalization: Normalization; seed: number },
): Promise<{ graph: Graph; judgement: Judgement }> {
  const { train, validation, normalization, seed } = data
  const before = { graph, judgement: await evaluate(gpu, graph, validation, { normalization }) }
  const other = await recalibrateBatchNorm(gpu, graph, train, { normalization, seed })
  if (other === graph) return before
  const after = { graph: other, judgement: await evaluate(gpu, other, validation, { normalization }) }
  const [old, now] = [before.judgement, after.judgement]
  return now.accuracy > old.accuracy || (now.accuracy === old.accuracy && now.loss < old.loss) ? after : before
}
