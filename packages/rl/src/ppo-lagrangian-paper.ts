/**
 * PPO-Lagrangian as in "Neural Network Pruning Through Constrained Reinforcement Learning" (Malik et al. 2021, arXiv 2110.08558), from the
 * authors' code (`stable_baselines3/ppo_lag/ppo_lag.py`, `common/dual_variable.py`). Per minibatch, with r the likelihood ratio:
 *
 *   L = [ -mean(min(r A, clip(r, 1 - eps, 1 + eps) A)) + sum_k nu_k mean(r A_ck) ] / (1 + sum_k nu_k)
 *       - c_H H + 0.5 MSE(V) + 0.5 sum_k MSE(V_ck)
 *
 * A has mean 0 and standard deviation 1 in the minibatch, A_c mean 0 only, and the cost part is not clipped. One Adam over all networks,
 * one gradient norm. The epochs end once the epoch's mean of (log pi_old - log pi) exceeds 1.5 x target KL. After them one dual step:
 *
 *   nu_k = softplus(x_k),  Adam step (learning rate 1) on -nu_k (C_k - b_k),  C_k = mean RAW cost per STEP
 *
 * so that costLimits are limits per step here, not per episode: the paper pays T x (percent kept) at the end of an episode of T steps.
 * Observations, rewards and costs are normalised by running statistics and clipped to +-10; the dual sees raw costs.
 * Several costs are our generalisation (one multiplier, critic and Adam coordinate each). A truncated episode is bootstrapped here; theirs counts as ended.
 *
 * Defaults: the paper's command line (README and `cpg.py`): 128 steps in each of 3 environments, minibatch 64, 10 epochs, learning rate 3e-4,
 * clip 0.2, target KL 0.1, gamma 0.99 for both, lambda 0.95 and 1 (cost), gradient norm 0.5, no entropy bonus, [32, 32] tanh, log-std 0.
 */
import { actorShape, createActor, initialiseActor } from './actor.js'
import { type AdamState, adam, clipNorm } from './adam.js'
import { type Algorithm, checkFinite, compare, estimate, gather, type Setup } from './algorithm.js'
import { createCritic, criticSize, explainedVariance, initialiseCritic } from './critic.js'
import { type DualState, softplusDual } from './dual.js'
import { type Discounts, moments } from './gae.js'
import { type MomentsState, runningMoments, type SignalScalerState, scaleBatch, signalScaler } from './normaliser.js'
import { createRandom, type RandomState, streams } from './random.js'
import type { Batch, CollectPlan } from './rollout.js'
import { restoreFloats, type Saved, saveFloats } from './saved.js'

export interface PaperSettings extends Discounts {
  readonly hidden: readonly number[]
  readonly collect: CollectPlan
  readonly learningRate: number
  readonly epochs: number
  readonly minibatch: number
  readonly clip: number
  readonly targetKl: number
  readonly entropyCoefficient: number
  readonly maxGradientNorm: number
  /** Initial log standard deviation, in the environment's own units. */
  readonly logStd: number
  readonly normaliseObservations: boolean
  readonly normaliseRewards: boolean
  readonly normaliseCosts: boolean
  readonly multiplier: { readonly initial: number; readonly learningRate: number }
}

export const paperDefaults = (): PaperSettings => ({
  hidden: [32, 32],
  collect: { stepsPerEnvironment: 128 },
  learningRate: 3e-4,
  epochs: 10,
  minibatch: 64,
  clip: 0.2,
  targetKl: 0.1,
  gamma: 0.99,
  lambda: 0.95,
  costGamma: 0.99,
  costLambda: 1,
  entropyCoefficient: 0,
  maxGradientNorm: 0.5,
  logStd: 0,
  normaliseObservations: true,
  normaliseRewards: true,
  normaliseCosts: true,
  multiplier: { initial: 1, learningRate: 1 },
})

interface PaperState {
  readonly parameters: string
  readonly adam: AdamState
  readonly dual: DualState
  readonly shuffle: RandomState
  readonly observations: MomentsState | null
  readonly signals: readonly (SignalScalerState | null)[]
}

export function ppoLagrangianPaper({ problem, copies, costLimits, seed }: Setup, settings: PaperSettings): Algorithm {
  const { hidden, logStd, learningRate, epochs, minibatch, clip, targetKl, entropyCoefficient, maxGradientNorm } = settings
  const costCount = costLimits.length
  const width = problem.observationSize

  // Policy, V and every V_c lie one after the other in one vector: one Adam, one gradient norm.
  const policySize = actorShape(problem, hidden).size
  const valueSize = criticSize(width, hidden)
  const parameters = new Float64Array(policySize + (1 + costCount) * valueSize)
  const gradient = new Float64Array(parameters.length)
  const optimiser = adam(parameters.length, { epsilon: 1e-5 })
  const initial = createRandom(seed, streams.initialise)
  const shuffler = createRandom(seed, streams.shuffle)
  const normaliser = settings.normaliseObservations ? runningMoments(width) : null
  const actorSettings = { hidden, logStd, unitBox: false, normaliser }
  const actor = createActor(problem, actorSettings, parameters.subarray(0, policySize), gradient.subarray(0, policySize))
  initialiseActor(actor, logStd, initial)
  const critics = Array.from({ length: 1 + costCount }, (_, i) => {
    const from = policySize + i * valueSize
    const critic = createCritic(width, hidden, parameters.subarray(from, from + valueSize), gradient.subarray(from, from + valueSize))
    initialiseCritic(critic, initial)
    return critic
  })
  const dual = softplusDual(costCount, settings.multiplier)
  const scalers = [
    settings.normaliseRewards ? signalScaler(copies, settings.gamma) : null,
    ...costLimits.map(() => (settings.normaliseCosts ? signalScaler(copies, settings.costGamma) : null)),
  ]

  /** The signals as VecNormalize gives them. */
  const normalised = (batch: Batch) => {
    const [rewards, ...costs] = [batch.rewards, ...batch.costs].map((signal, i) => {
      const copy = signal.slice()
      const scaler = scalers[i]
      if (scaler) scaleBatch(scaler, batch, copy)
      return copy
    })
    return { rewards, costs }
  }

  const update: Algorithm['update'] = (batch) => {
    const estimates = estimate(batch, { reward: critics[0], costs: critics.slice(1) }, normalised(batch), settings)
    const targets = [estimates.reward, ...estimates.costs]
    const actionSize = actor.distribution.actionSize
    const inputs = new Float64Array(minibatch * width)
    const actions = new Float64Array(minibatch * actionSize)
    const logRatios = new Float64Array(minibatch)
    const weights = new Float64Array(minibatch)
    const advantage = new Float64Array(minibatch)
    const costAdvantages = costLimits.map(() => new Float64Array(minibatch))
    const returns = new Float64Array(minibatch)
    const order = Int32Array.from({ length: batch.size }, (_, i) => i)
    const oldOutputs = actor.outputs(batch.inputs, batch.size).slice()
    const oldFree = actor.free.slice()
    const losses = critics.map(() => 0)
    let policyLoss = 0
    let clipped = 0
    let seen = 0
    let epoch = 0
    while (epoch < epochs) {
      shuffler.shuffle(order)
      let kl = 0
      let minibatches = 0
      for (let from = 0; from < batch.size; from += minibatch) {
        const to = Math.min(from + minibatch, batch.size)
        const n = to - from
        gather(batch.inputs, width, order, from, to, inputs)
        gather(batch.actions, actionSize, order, from, to, actions)
        gather(estimates.reward.advantages, 1, order, from, to, advantage)
        costAdvantages.forEach((target, k) => {
          gather(estimates.costs[k].advantages, 1, order, from, to, target)
        })
        actor.logProbabilities(inputs, actions, n, logRatios)
        let sum = 0
        for (let i = 0; i < n; i++) sum += logRatios[i] -= batch.logProbabilities[order[from + i]]
        const result = paperSurrogate(logRatios, advantage, costAdvantages, dual.values, n, clip, weights)
        policyLoss += result.loss * n
        clipped += result.clipped
        kl -= sum / n
        gradient.fill(0)
        actor.accumulate(inputs, actions, n, weights, entropyCoefficient)
        critics.forEach((critic, i) => {
          gather(targets[i].returns, 1, order, from, to, returns)
          losses[i] += critic.accumulate(inputs, returns, n, 0.5) * n
        })
        clipNorm(gradient, maxGradientNorm)
        optimiser.step(parameters, gradient, learningRate)
        seen += n
        minibatches++
      }
      epoch++
      if (kl / minibatches > 1.5 * targetKl) break
    }
    checkFinite(parameters, 'parameters')
    dual.update(
      batch.costs.map((costs) => costs.reduce((sum, cost) => sum + cost, 0) / batch.size),
      costLimits,
    )
    return {
      policyLoss: policyLoss / seen,
      valueLoss: losses[0] / seen,
      costValueLosses: losses.slice(1).map((loss) => loss / seen),
      ...compare(actor, batch, oldOutputs, oldFree),
      clipFraction: clipped / seen,
      epochs: epoch,
      explainedVariance: explainedVariance(estimates.reward.values, estimates.reward.returns),
      costExplainedVariance: estimates.costs.map(({ values, returns }) => explainedVariance(values, returns)),
      learningRate,
    }
  }

  return {
    actor,
    plan: settings.collect,
    normaliseEachStep: true,
    multipliers: dual.values,
    update,
    state: () =>
      ({
        parameters: saveFloats(parameters),
        adam: optimiser.state(),
        dual: dual.state(),
        shuffle: shuffler.state(),
        observations: normaliser?.state() ?? null,
        signals: scalers.map((scaler) => scaler?.state() ?? null),
      }) satisfies PaperState as unknown as Saved,
    restore(saved) {
      const state = saved as unknown as PaperState
      restoreFloats(parameters, state.parameters, 'the networks')
      optimiser.restore(state.adam)
      dual.restore(state.dual)
      shuffler.restore(state.shuffle)
      if (normaliser && state.observations) normaliser.restore(state.observations)
      for (const [i, scaler] of scalers.entries()) {
        const signal = state.signals[i]
        if (scaler && signal) scaler.restore(signal)
      }
    },
  }
}

/**
 * [ -mean(min(r A, clip(r) A)) + sum_k nu_k mean(r A_ck) ] / (1 + sum_k nu_k) of the first n, A with mean 0 and standard deviation 1, A_c with
 * mean 0, and its gradient with respect to each log ratio into `weights`.
 */
export function paperSurrogate(
  logRatios: Float64Array,
  advantages: Float64Array,
  costAdvantages: readonly Float64Array[],
  multipliers: Float64Array,
  n: number,
  clip: number,
  weights: Float64Array,
): { loss: number; clipped: number } {
  const { mean, std } = moments(advantages.subarray(0, n))
  const costMeans = costAdvantages.map((values) => moments(values.subarray(0, n)).mean)
  const scale = n * (1 + multipliers.reduce((sum, nu) => sum + nu, 0))
  let loss = 0
  let clipped = 0
  for (let i = 0; i < n; i++) {
    const ratio = Math.exp(logRatios[i])
    const a = (advantages[i] - mean) / (std + 1e-8)
    const bound = a > 0 ? 1 + clip : 1 - clip
    const cut = a > 0 ? ratio > bound : ratio < bound
    let cost = 0
    for (let k = 0; k < multipliers.length; k++) cost += multipliers[k] * (costAdvantages[k][i] - costMeans[k])
    weights[i] = (ratio * (cost - (cut ? 0 : a))) / scale
    loss += (ratio * cost - a * (cut ? bound : ratio)) / scale
    clipped += cut ? 1 : 0
  }
  return { loss, clipped }
}
