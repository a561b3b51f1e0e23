import type { Gpu } from '@espalier/kernels'
import { channelGroups, type Kept, maskedEvaluator } from '@espalier/nn'
import { dataset, networks, normalization } from '../network.js'
import { type Case, timed } from './contender.js'
import { waitingFor } from './patience.js'

/** Candidates of the masked evaluation. */
export const candidates = 8

/** Images that each is judged on, by the network of 4 convolutions. */
export const { batch } = networks.cifar4

/** Eight candidates judged on one batch as `prune` does (batch normalisation with statistics of their own), `together` of them in a run. */
export async function masked(gpu: Gpu, together: number): Promise<Case> {
  const graph = networks.cifar4.graph()
  const groups = channelGroups(graph)
  const evaluator = await maskedEvaluator(gpu, graph, groups, dataset(batch), {
    normalization,
    batch,
    candidates: together,
    recalibrate: true,
  })
  const kept: Kept[] = Array.from({ length: candidates }, (_, p) =>
    Object.fromEntries(
      groups.filter((group) => group.locked === null).map((group) => [group.id, Array.from({ length: group.channels - p }, (_, i) => i)]),
    ),
  )
  const wait = waitingFor(gpu)
  const run = () => wait(evaluator.evaluate(kept))
  return {
    once: async () => ({ ms: await timed(run) }),
    outputs: async () => (await run()).map(({ loss }) => loss),
    dispose: () => evaluator.destroy(),
  }
}
