/**
 * Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), the clipped surrogate:
 *
 *   maximise  mean_t min(r_t A_t, clip(r_t, 1 - eps, 1 + eps) A_t) + c_H H     r_t = pi(a_t | s_t) / pi_old(a_t | s_t)     (equation 7)
 *   minimise  mean_t (V(s_t) - R_t)^2                                          R_t = A_t + V_old(s_t), A_t by GAE
 *
 * with advantages standardised over the batch, several epochs of shuffled minibatches, and an end to the policy's epochs once the
 * estimated KL exceeds 1.5 x targetKl (Spinning Up). Policy and critic are separate networks with separate optimisers.
 *
 * Defaults: "The 37 implementation details of PPO" (Huang et al. 2022) and CleanRL: clip 0.2, gamma 0.99, lambda 0.95, gradient norm 0.5,
 * Adam epsilon 1e-5, learning rate falling linearly to 0, 10 epochs, 2048 steps, minibatch 64, [64, 64] tanh, log-std 0.
 * Not theirs: the critic's PopArt scaling in place of reward normalisation, and the KL stop.
 */
import { type Actor, actorShape, createActor, initialiseActor, type PolicyKind } from './actor.js'
import { type Adam, type AdamState, adam, clipNorm } from './adam.js'
import { type Algorithm, type CriticMetrics, checkFinite, compare, estimate, gather, type Setup, type UpdateMetrics } from './algorithm.js'
import { type Critic, type CriticState, createCritic, criticSize, explainedVariance, initialiseCritic } from './critic.js'
import { type Discounts, moments } from './gae.js'
import { clip as limited, type MomentsState, runningMoments, type SignalScalerState, scaleBatch, signalScaler } from './normaliser.js'
import { createRandom, type Random, type RandomState, streams } from './random.js'
import type { Batch, CollectPlan } from './rollout.js'
import { restoreFloats, type Saved, saveFloats } from './saved.js'

/** What networks, critics and collection need; the policy is moved by this file, or by somebody else (trust-region.ts). */
export interface LearnerSettings extends Discounts {
  readonly hidden: readonly number[]
  readonly collect: CollectPlan
  readonly criticLearningRate: number
  readonly schedule: 'linear' | 'constant'
  readonly epochs: number
  readonly minibatch: number
  /** Initial log standard deviation of box actions, in units where the box is [-1, 1]. */
  readonly logStd: number
  readonly normaliseObservations: boolean
  /**
   * Rewards (costs) over the running standard deviation of their discounted sum, clipped to +-10, for the critics and the errors they leave;
   * advantages, limits and multipliers keep the problem's units. Off: the critics scale themselves, so that it matters for outliers only.
   */
  readonly normaliseRewards: boolean
  readonly normaliseCosts: boolean
  readonly policy: PolicyKind
}

export interface PpoSettings extends LearnerSettings {
  readonly learningRate: number
  readonly clip: number
  /** 'linear': the clip falls to 0 with the training, as the learning rate does under `schedule`. */
  readonly clipSchedule: 'linear' | 'constant'
  readonly targetKl: number
  readonly entropyCoefficient: number
  readonly maxGradientNorm: number
}

export const learnerDefaults = (copies: number): LearnerSettings => ({
  hidden: [64, 64],
  collect: { stepsPerEnvironment: Math.ceil(2048 / copies) },
  criticLearningRate: 1e-3,
  schedule: 'linear',
  epochs: 10,
  minibatch: 64,
  gamma: 0.99,
  lambda: 0.95,
  costGamma: 0.99,
  costLambda: 0.95,
  logStd: 0,
  normaliseObservations: true,
  normaliseRewards: false,
  normaliseCosts: false,
  policy: 'gaussian',
})

export const ppoDefaults = (copies: number): PpoSettings => ({
  ...learnerDefaults(copies),
  learningRate: 3e-4,
  clip: 0.2,
  clipSchedule: 'constant',
  targetKl: 0.03,
  entropyCoefficient: 0,
  maxGradientNorm: 0.5,
})

export function ppo(setup: Setup, settings: PpoSettings): Algorithm {
  const learner = createLearner({ ...setup, problem: { ...setup.problem, costs: 0 } }, settings)
  return {
    actor: learner.actor,
    plan: settings.collect,
    normaliseEachStep: false,
    multipliers: [],
    update(batch, progress) {
      const estimates = learner.estimate(batch)
      return learner.improve(batch, estimates.reward.advantages, estimates, progress)
    },
    state: learner.state,
    restore: learner.restore,
  }
}

/** Networks, optimisers and the two regressions, shared with the algorithms that only mix other advantages or move the policy otherwise. */
export interface Learner {
  readonly actor: Actor
  /** Values and advantages (algorithm.ts): advantages in the problem's units, values and returns in the critics'. */
  estimate(batch: Batch): ReturnType<typeof estimate>
  /** One update of policy and critics; PPO's settings are needed. */
  improve(batch: Batch, advantages: Float64Array, estimates: ReturnType<typeof estimate>, progress: number): UpdateMetrics
  /** The part of an update after the policy's: critics and observation normaliser learn, numbers are checked. */
  regress(batch: Batch, estimates: ReturnType<typeof estimate>, progress: number): CriticMetrics
  state(): { readonly [key: string]: Saved }
  restore(state: Saved): void
}

interface LearnerState {
  readonly parameters: string
  readonly critics: string
  readonly criticStates: readonly CriticState[]
  readonly policyAdam: AdamState | null
  readonly criticAdam: AdamState
  readonly shuffle: RandomState
  readonly normaliser: MomentsState | null
  readonly scalers: readonly (SignalScalerState | null)[]
}

export function createLearner({ problem, copies, seed }: Setup, settings: PpoSettings | LearnerSettings): Learner {
  const { hidden, logStd } = settings
  const initial = createRandom(seed, streams.initialise)
  const shuffler = createRandom(seed, streams.shuffle)
  const policySize = actorShape(problem, hidden, settings.policy).size
  const normaliser = settings.normaliseObservations ? runningMoments(problem.observationSize) : null
  const actor = createActor(
    problem,
    { hidden, logStd, unitBox: true, normaliser, policy: settings.policy },
    new Float64Array(policySize),
    new Float64Array(policySize),
  )
  initialiseActor(actor, logStd, initial)

  // The critics lie one after the other in one vector: the reward's, then one per cost. One Adam serves them all.
  const each = criticSize(problem.observationSize, hidden)
  const parameters = new Float64Array(each * (1 + problem.costs))
  const gradient = new Float64Array(parameters.length)
  const all = Array.from({ length: 1 + problem.costs }, (_, i) => {
    const view = (array: Float64Array) => array.subarray(i * each, (i + 1) * each)
    const critic = createCritic(problem.observationSize, hidden, view(parameters), view(gradient))
    initialiseCritic(critic, initial)
    return critic
  })
  const policyAdam = 'learningRate' in settings ? adam(policySize, { epsilon: 1e-5 }) : null
  const criticAdam = adam(parameters.length, { epsilon: 1e-5 })
  const scalers = all.map((_, i) =>
    (i === 0 ? settings.normaliseRewards : settings.normaliseCosts)
      ? signalScaler(copies, i === 0 ? settings.gamma : settings.costGamma)
      : null,
  )
  const share = (progress: number) => (settings.schedule === 'linear' ? 1 - progress : 1)
  const regress: Learner['regress'] = (batch, estimates, progress) => {
    const targets = [estimates.reward, ...estimates.costs]
    all.forEach((critic, i) => {
      critic.rescale(targets[i].returns)
    })
    const rate = settings.criticLearningRate * share(progress)
    const losses = improveCritics(all, parameters, gradient, criticAdam, batch, targets, settings, rate, shuffler)
    normaliser?.update(batch.observations, batch.size)
    checkFinite(actor.parameters, 'policy parameters')
    checkFinite(parameters, 'critic parameters')
    return {
      valueLoss: losses[0],
      costValueLosses: losses.slice(1),
      explainedVariance: explainedVariance(estimates.reward.values, estimates.reward.returns),
      costExplainedVariance: estimates.costs.map(({ values, returns }) => explainedVariance(values, returns)),
    }
  }
  return {
    actor,
    regress,
    estimate(batch) {
      const signals = [batch.rewards, ...batch.costs].slice(0, all.length)
      const scales = scalers.map((scaler, i) => {
        if (!scaler) return 1
        scaleBatch(scaler, batch, signals[i].slice())
        return scaler.scale()
      })
      // One scale for the whole batch, so that it can be taken out of the advantages again.
      const [rewards, ...costs] = signals.map((signal, i) => (scalers[i] ? signal.map((value) => limited(value / scales[i])) : signal))
      const estimates = estimate(batch, { reward: all[0], costs: all.slice(1) }, { rewards, costs }, settings)
      for (const [i, { advantages }] of [estimates.reward, ...estimates.costs].entries()) {
        if (scalers[i]) for (let t = 0; t < advantages.length; t++) advantages[t] *= scales[i]
      }
      return estimates
    },
    improve(batch, advantages, estimates, progress) {
      const own = settings as PpoSettings
      const learningRate = own.learningRate * share(progress)
      const clip = own.clip * (own.clipSchedule === 'linear' ? 1 - progress : 1)
      const policy = improvePolicy(actor, policyAdam!, batch, standardised(advantages), { ...own, clip }, learningRate, shuffler)
      return { ...policy, ...regress(batch, estimates, progress), learningRate }
    },
    state: () =>
      ({
        parameters: saveFloats(actor.parameters),
        critics: saveFloats(parameters),
        criticStates: all.map((critic) => critic.state()),
        policyAdam: policyAdam?.state() ?? null,
        criticAdam: criticAdam.state(),
        shuffle: shuffler.state(),
        normaliser: normaliser?.state() ?? null,
        scalers: scalers.map((scaler) => scaler?.state() ?? null),
      }) satisfies LearnerState as unknown as { readonly [key: string]: Saved },
    restore(saved) {
      const state = saved as unknown as LearnerState
      restoreFloats(actor.parameters, state.parameters, 'the policy')
      restoreFloats(parameters, state.critics, 'the critics')
      all.forEach((critic, i) => {
        critic.restore(state.criticStates[i])
      })
      if (policyAdam && state.policyAdam) policyAdam.restore(state.policyAdam)
      criticAdam.restore(state.criticAdam)
      shuffler.restore(state.shuffle)
      if (normaliser && state.normaliser) normaliser.restore(state.normaliser)
      for (const [i, scaler] of scalers.entries()) {
        const saved = state.scalers[i]
        if (scaler && saved) scaler.restore(saved)
      }
    },
  }
}

/**
 * Equation 7 as a loss: -mean(min(r A, clip(r) A)) of the first n, and its gradient with respect to each log ratio into `weights`.
 * Beyond the clip on the side that the advantage pushes to, the minimum is a constant: no gradient.
 */
export function clippedSurrogate(logRatios: Float64Array, advantages: Float64Array, n: number, clip: number, weights: Float64Array) {
  let loss = 0
  let clipped = 0
  for (let i = 0; i < n; i++) {
    const ratio = Math.exp(logRatios[i])
    const advantage = advantages[i]
    const bound = advantage > 0 ? 1 + clip : 1 - clip
    const cut = advantage > 0 ? ratio > bound : ratio < bound
    weights[i] = cut ? 0 : (-advantage * ratio) / n
    loss -= (advantage * (cut ? bound : ratio)) / n
    clipped += cut ? 1 : 0
  }
  return { loss, clipped }
}

/** The surrogate by minibatches, until the epochs are over or the policy has moved too far. */
function improvePolicy(
  actor: Actor,
  optimiser: Adam,
  batch: Batch,
  advantages: Float64Array,
  { epochs, minibatch, clip, targetKl, entropyCoefficient, maxGradientNorm }: PpoSettings,
  learningRate: number,
  shuffler: Random,
) {
  const width = batch.inputs.length / batch.size
  const actionSize = actor.distribution.actionSize
  const inputs = new Float64Array(minibatch * width)
  const actions = new Float64Array(minibatch * actionSize)
  const logProbabilities = new Float64Array(minibatch)
  const logRatios = new Float64Array(minibatch)
  const part = new Float64Array(minibatch)
  const weights = new Float64Array(minibatch)
  const order = Int32Array.from({ length: batch.size }, (_, i) => i)
  const oldOutputs = actor.outputs(batch.inputs, batch.size).slice()
  const oldFree = actor.free.slice()
  let loss = 0
  let clipped = 0
  let seen = 0
  let epoch = 0
  while (epoch < epochs) {
    shuffler.shuffle(order)
    let kl = 0
    for (let from = 0; from < batch.size; from += minibatch) {
      const to = Math.min(from + minibatch, batch.size)
      const n = to - from
      gather(batch.inputs, width, order, from, to, inputs)
      gather(batch.actions, actionSize, order, from, to, actions)
      actor.logProbabilities(inputs, actions, n, logProbabilities)
      for (let i = 0; i < n; i++) {
        const row = order[from + i]
        logRatios[i] = logProbabilities[i] - batch.logProbabilities[row]
        kl += Math.exp(logRatios[i]) - 1 - logRatios[i] // >= 0, unbiased, low variance (Schulman, "Approximating KL divergence", k3)
        part[i] = advantages[row]
      }
      const result = clippedSurrogate(logRatios, part, n, clip, weights)
      loss += result.loss * n
      clipped += result.clipped
      actor.gradient.fill(0)
      actor.accumulate(inputs, actions, n, weights, entropyCoefficient)
      clipNorm(actor.gradient, maxGradientNorm)
      optimiser.step(actor.parameters, actor.gradient, learningRate)
      seen += n
    }
    epoch++
    if (kl / batch.size > 1.5 * targetKl) break
  }
  return { policyLoss: loss / seen, clipFraction: clipped / seen, epochs: epoch, ...compare(actor, batch, oldOutputs, oldFree) }
}

/** Least squares of every critic on its returns, by the same number of epochs. Gives the mean squared error of each, in the units of its returns. */
function improveCritics(
  critics: readonly Critic[],
  parameters: Float64Array,
  gradient: Float64Array,
  optimiser: Adam,
  batch: Batch,
  targets: readonly { readonly returns: Float64Array }[],
  { epochs, minibatch }: LearnerSettings,
  learningRate: number,
  shuffler: Random,
): number[] {
  const width = batch.inputs.length / batch.size
  const inputs = new Float64Array(minibatch * width)
  const returns = new Float64Array(minibatch)
  const order = Int32Array.from({ length: batch.size }, (_, i) => i)
  const losses = critics.map(() => 0)
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffler.shuffle(order)
    for (let from = 0; from < batch.size; from += minibatch) {
      const to = Math.min(from + minibatch, batch.size)
      gather(batch.inputs, width, order, from, to, inputs)
      gradient.fill(0)
      critics.forEach((critic, i) => {
        gather(targets[i].returns, 1, order, from, to, returns)
        losses[i] += (critic.accumulate(inputs, returns, to - from, 0.5) * (to - from)) / (batch.size * epochs)
      })
      optimiser.step(parameters, gradient, learningRate)
    }
  }
  return losses
}

/** Mean 0, standard deviation 1. */
export function standardised(values: Float64Array): Float64Array {
  const { mean, std } = moments(values)
  return values.map((value) => (value - mean) / (std + 1e-8))
}
