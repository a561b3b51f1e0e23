import { type BoundedDistribution, betaDistribution, squashedGaussian } from './bounded.js'
import { categorical, type Distribution, diagonalGaussian } from './distributions.js'
import type { Action, ActionSpace, Problem } from './environment.js'
import { backward, createTape, forward, forwardTangent, initialise, type Mlp, mlpSize, type Tape } from './mlp.js'
import { normalise, type RunningMoments } from './normaliser.js'
import type { Random } from './random.js'

/** What collecting and acting need of a policy. */
export interface Acting {
  readonly distribution: Pick<Distribution, 'actionSize' | 'sample' | 'mode' | 'logProbability'>
  /** The distribution's free parameters. */
  readonly free: Float64Array
  readonly normaliser: RunningMoments | null
  /** Normalises raw observations [n][observationSize] in place. */
  normalise(observations: Float64Array, n: number): void
  /** Outputs of the network for inputs [n][observationSize]; valid until the next call. */
  outputs(inputs: Float64Array, n: number): Float64Array
  /** What the environment gets for the drawn action of row `row`. */
  executed(actions: Float64Array, row: number): Action
}

/**
 * A stochastic policy: observation normaliser, network, distribution, and the way from a drawn action to what the environment gets.
 * A box action is clipped to its bounds after it was drawn; the log-probability is that of the draw.
 */
export interface Actor extends Acting {
  readonly distribution: Distribution
  readonly network: Mlp
  /** The distribution's free parameters (log standard deviations) and their gradient. */
  readonly free: Float64Array
  readonly freeGradient: Float64Array
  /** All parameters of network and distribution in one vector, and their gradient. */
  readonly parameters: Float64Array
  readonly gradient: Float64Array
  /** Log-probabilities of `actions` [n][actionSize] into `out` [n], by a forward pass that `accumulate` then uses. */
  logProbabilities(inputs: Float64Array, actions: Float64Array, n: number, out: Float64Array): void
  /** After `logProbabilities`: adds to the gradient for a loss with gradient weights[i] with respect to log-probability i, minus `entropy` x mean entropy. */
  accumulate(inputs: Float64Array, actions: Float64Array, n: number, weights: Float64Array, entropy: number): void
  /**
   * After a forward pass over the same inputs: the Fisher information of the policy, mean over the n states, times `direction`, into
   * `product` (both like `parameters`). By Gauss-Newton, J' M J: a tangent pass, the distribution's own metric M, a backward pass. That is the
   * Hessian of the mean KL(old || new) at new = old exactly, without second derivatives. Overwrites the gradient.
   */
  fisherProduct(inputs: Float64Array, n: number, direction: Float64Array, product: Float64Array): void
  /** Mean entropy of the rows of the last forward pass. */
  entropy(n: number): number
}

export interface ActorSettings {
  readonly hidden: readonly number[]
  /** Initial log standard deviation (box actions only). */
  readonly logStd: number
  /** Draw in units where the box is [-1, 1] instead of in the environment's own. */
  readonly unitBox: boolean
  readonly normaliser: RunningMoments | null
  /** 'gaussian' where absent. */
  readonly policy?: PolicyKind
}

/**
 * Box actions: a normal that is clipped to the bounds, or a distribution within them (a normal through tanh, Beta). Discrete ones are
 * always categorical.
 */
export type PolicyKind = 'gaussian' | 'squashed' | 'beta'

export function actorShape({ observationSize, actions }: Problem, hidden: readonly number[], policy: PolicyKind = 'gaussian') {
  const distribution = distributionFor(actions, policy)
  const sizes = [observationSize, ...hidden, distribution.outputs]
  return { distribution, sizes, size: mlpSize(sizes) + distribution.free }
}

/** @throws TypeError for a bounded policy over actions that have no bounds */
function distributionFor(actions: ActionSpace, policy: PolicyKind): Distribution | BoundedDistribution {
  if (policy !== 'gaussian' && (actions.kind !== 'box' || ![...actions.low, ...actions.high].every(Number.isFinite))) {
    throw new TypeError(`policy: '${policy}' needs a box with finite bounds, found ${JSON.stringify(actions)}`)
  }
  if (actions.kind === 'discrete') return categorical(actions.n)
  const { size } = actions
  return policy === 'gaussian' ? diagonalGaussian(size) : policy === 'squashed' ? squashedGaussian(size) : betaDistribution(size)
}

/** Makes an actor over views of a larger vector (`parameters` and `gradient`, both `actorShape().size` long). */
export function createActor(problem: Problem, settings: ActorSettings, parameters: Float64Array, gradient: Float64Array): Actor {
  const { distribution, sizes } = actorShape(problem, settings.hidden, settings.policy)
  const weights = mlpSize(sizes)
  const network = { sizes, parameters: parameters.subarray(0, weights), gradient: gradient.subarray(0, weights) }
  const free = parameters.subarray(weights)
  const freeGradient = gradient.subarray(weights)
  let tape = createTape(sizes, 1)
  let outputs = tape.outputs[0]
  let dOutputs = new Float64Array(0)
  let tangent: Tape | null = null
  const run = (inputs: Float64Array, n: number) => {
    if (n > tape.rows) tape = grow(sizes, n)
    outputs = forward(network, inputs, n, tape)
    return outputs
  }
  return {
    distribution,
    network,
    free,
    freeGradient,
    parameters,
    gradient,
    normaliser: settings.normaliser,
    normalise(observations, n) {
      if (settings.normaliser) normalise(observations, n, settings.normaliser)
    },
    outputs: run,
    logProbabilities(inputs, actions, n, out) {
      run(inputs, n)
      for (let r = 0; r < n; r++) out[r] = distribution.logProbability(outputs, free, r, actions)
    },
    accumulate(inputs, actions, n, logWeights, entropy) {
      if (dOutputs.length < n * distribution.outputs) dOutputs = new Float64Array(tape.rows * distribution.outputs)
      dOutputs.fill(0, 0, n * distribution.outputs)
      for (let r = 0; r < n; r++) {
        if (logWeights[r] !== 0) distribution.logProbabilityGradient(outputs, free, r, actions, logWeights[r], dOutputs, freeGradient)
        if (entropy !== 0) distribution.entropyGradient(outputs, free, r, -entropy / n, dOutputs, freeGradient)
      }
      backward(network, inputs, n, tape, dOutputs)
    },
    fisherProduct(inputs, n, direction, product) {
      if (!tangent || tangent.rows < tape.rows) tangent = createTape(sizes, tape.rows)
      gradient.fill(0)
      const along = forwardTangent(network, inputs, n, tape, direction, tangent)
      const freeDirection = direction.subarray(weights)
      for (let r = 0; r < n; r++) distribution.fisher(outputs, free, r, along, freeDirection, freeGradient)
      backward(network, inputs, n, tape, along)
      for (let i = 0; i < product.length; i++) product[i] = gradient[i] / n
    },
    entropy(n) {
      let sum = 0
      for (let r = 0; r < n; r++) sum += distribution.entropy(outputs, free, r)
      return sum / n
    },
    executed: executor(problem.actions, settings.unitBox, 'unit' in distribution ? distribution.unit : undefined),
  }
}

/** Orthogonal initialisation with a small head, so that the first policy is nearly the same in every state. */
export function initialiseActor(actor: Actor, logStd: number, random: Random): void {
  initialise(actor.network, 0.01, random)
  actor.free.fill(logStd)
}

/**
 * Clips a drawn action to the bounds, after scaling it to the box where it was drawn in units in which the box is [-1, 1], or `unit` maps it there.
 */
export function executor(
  space: ActionSpace,
  unitBox: boolean,
  unit?: (drawn: number) => number,
): (actions: Float64Array, row: number) => Action {
  if (space.kind === 'discrete') return (actions, row) => actions[row]
  const { size, low, high } = space
  // An unbounded dimension has no middle and no half width: it is taken in its own units.
  const scaled = Array.from(low, (from, i) => (unitBox || unit) && Number.isFinite(from) && Number.isFinite(high[i]))
  return (actions, row) => {
    const action = new Float32Array(size)
    for (let i = 0; i < size; i++) {
      const drawn = unit ? unit(actions[row * size + i]) : actions[row * size + i]
      const value = scaled[i] ? (low[i] + high[i]) / 2 + ((high[i] - low[i]) / 2) * drawn : drawn
      action[i] = Math.min(high[i], Math.max(low[i], value))
    }
    return action
  }
}

function grow(sizes: readonly number[], rows: number): Tape {
  return createTape(sizes, 2 ** Math.ceil(Math.log2(rows)))
}
