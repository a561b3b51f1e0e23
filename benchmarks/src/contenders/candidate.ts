/** What a search waits for: one candidate of ResNet-20 judged on 200 images, one after the other, each another. */
import type { Gpu } from '@espalier/kernels'
import { createRandom, gatherGrams, type MaskedEvaluator, maskedEvaluator } from '@espalier/nn'
import { dataset, networks } from '../network.js'
import { common, drawn, images, openGroups } from '../search.js'
import { type Case, type Contender, timed } from './contender.js'
import { waitingFor } from './patience.js'

async function candidate(gpu: Gpu, refitted: boolean): Promise<Case> {
  const graph = networks.resnet20.graph()
  const groups = openGroups(graph)
  // Few images: what an episode takes does not depend on how many told of the inputs.
  const statistics = refitted ? await gatherGrams(gpu, graph, groups, dataset(100), { ...common, images: 100 }) : undefined
  const evaluator: MaskedEvaluator = await maskedEvaluator(gpu, graph, groups, dataset(images), { ...common, statistics })
  const random = createRandom(9, 'candidates')
  const wait = waitingFor(gpu)
  const judge = async () => (await wait(evaluator.evaluate([drawn(groups, random)])))[0]
  return {
    once: async () => ({ ms: await timed(judge) }),
    outputs: async () => [(await judge()).loss],
    dispose: () => evaluator.destroy(),
  }
}

export const candidateCases = (gpu: Gpu): Contender['cases'] => ({
  'candidate, not re-fitted': () => candidate(gpu, false),
  'candidate, re-fitted': () => candidate(gpu, true),
})
