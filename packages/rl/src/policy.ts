import type { Acting } from './actor.js'
import { softmax } from './distributions.js'
import type { Action, Observation, Problem } from './environment.js'
import type { Random } from './random.js'

/** A policy to act with: a view of the trained networks, with their frozen observation normaliser. */
export interface Policy {
  /**
   * A number (discrete) or a fresh Float32Array within the bounds (box).
   * `deterministic` takes the most probable action; otherwise it is drawn from `random`, by default the policy's own generator (from the seed).
   * @throws TypeError when the observation has another size or a number in it is not finite
   */
  act(observation: Observation, options?: { readonly deterministic?: boolean; readonly random?: Random }): Action
  /** Probability of each action. @throws TypeError for box actions */
  probabilities(observation: Observation): Float64Array
}

export function createPolicy({ observationSize, actions }: Problem, actor: Acting, own: Random): Policy {
  const input = new Float64Array(observationSize)
  const drawn = new Float64Array(actor.distribution.actionSize)
  const outputsFor = (observation: Observation | undefined, where: string) => {
    if (observation?.length !== observationSize) {
      throw new TypeError(
        `${where}: expected an observation of ${observationSize} numbers, found ${String(observation?.length ?? observation)}`,
      )
    }
    for (let i = 0; i < observationSize; i++) {
      if (!Number.isFinite(observation[i]))
        throw new TypeError(`${where}: observation[${i}] is ${String(observation[i])}, expected a finite number`)
      input[i] = observation[i]
    }
    actor.normalise(input, 1)
    return actor.outputs(input, 1)
  }
  return {
    act(observation, { deterministic = false, random = own } = {}) {
      const outputs = outputsFor(observation, 'policy.act')
      if (deterministic) actor.distribution.mode(outputs, 0, drawn)
      else actor.distribution.sample(outputs, actor.free, 0, random, drawn)
      return actor.executed(drawn, 0)
    },
    probabilities(observation) {
      if (actions.kind !== 'discrete') throw new TypeError('policy.probabilities: expected discrete actions, found box actions')
      const probabilities = new Float64Array(actions.n)
      softmax(outputsFor(observation, 'policy.probabilities'), 0, actions.n, probabilities)
      return probabilities
    },
  }
}
