// What DDPG and TD3 share: networks with slow copies, the deterministic policy, and transitions from what was collected.
import { type Acting, executor } from './actor.js'
import { type AdamState, adam } from './adam.js'
import { checkFinite, type Setup, type UpdateMetrics } from './algorithm.js'
import type { Problem } from './environment.js'
import { backward, createTape, forward, initialiseUniform, inputGradient, type Mlp, mlpSize } from './mlp.js'
import { createRandom, type Random, type RandomState, streams } from './random.js'
import { createReplay, createTransitions, type ReplayState, type Transitions } from './replay.js'
import type { Batch, CollectPlan } from './rollout.js'
import { restoreFloats, saveFloats } from './saved.js'

export interface OffPolicySettings {
  readonly hidden: readonly number[]
  readonly collect: CollectPlan
  readonly learningRate: number
  readonly criticLearningRate: number
  readonly gamma: number
  readonly tau: number
  readonly minibatch: number
  /** Transitions in the replay. */
  readonly replay: number
  /** What a step is rewarded with: its own reward, or the return of its whole episode. */
  readonly rewards: 'step' | 'episode'
}

export interface AgentState {
  readonly actor: TrainedState
  readonly critics: readonly TrainedState[]
  readonly replay: ReplayState
  readonly draws: RandomState
}

/** Policy, critics and replay, with the steps on a minibatch that DDPG and TD3 are made of. */
export interface Agent {
  readonly policy: Trained
  readonly critics: readonly Trained[]
  /** The minibatch last drawn. */
  readonly drawn: Transitions
  /** Of the replay and of the target's noise. */
  readonly draws: Random
  /** Adds what was collected; `after` is called behind every transition. */
  add(batch: Batch, after?: () => void): void
  sample(): void
  /** y for the minibatch (`tdTargets`), by the critics' targets at s' and the action that the policy's target takes there after `change`. */
  targets(change?: (actions: Float64Array) => void): Float64Array
  /** One step of every critic towards y; the mean of their losses before it. */
  improveCritics(y: Float64Array): number
  /** One step of the policy along the first critic, then all targets follow; the policy's loss before it. */
  improvePolicy(): number
  /** Checks the parameters, and gives the metrics of an update of `epochs` steps. */
  metrics(policyLoss: number, valueLoss: number, epochs: number): UpdateMetrics
  state(): AgentState
  restore(state: AgentState): void
}

export function createAgent({ problem, seed }: Setup, settings: OffPolicySettings, criticCount: number): Agent {
  const { hidden, learningRate, criticLearningRate, gamma, tau, minibatch: n } = settings
  const width = problem.observationSize
  const size = problem.actions.kind === 'box' ? problem.actions.size : 1
  const initial = createRandom(seed, streams.initialise)
  const draws = createRandom(seed, streams.shuffle)
  const policy = createTrained([width, ...hidden, size], n, initial)
  const critics = Array.from({ length: criticCount }, () => createTrained([width + size, ...hidden, 1], n, initial))
  const replay = createReplay(settings.replay, width, size)
  const drawn = createTransitions(n, width, size)
  const work = {
    input: new Float64Array(n * (width + size)),
    dInput: new Float64Array(n * (width + size)),
    dQ: new Float64Array(n),
    dMean: new Float64Array(n * size),
  }
  const y = new Float64Array(n)
  return {
    policy,
    critics,
    drawn,
    draws,
    add(batch, after) {
      const fresh = transitions(batch, problem, settings.rewards)
      for (let t = 0; t < batch.size; t++) {
        replay.add(fresh, t)
        after?.()
      }
    },
    sample: () => replay.sample(n, draws, drawn),
    targets(change) {
      const { rewards, next, terminated } = drawn
      const values = () => {
        const a = squash(policy.target(next, n), n * size).subarray(0, n * size)
        change?.(a)
        concatenate(next, a, n, work.input)
        return critics.map((critic) => critic.target(work.input, n))
      }
      tdTargets(rewards, terminated, gamma === 0 ? [] : values(), gamma, n, y)
      return y
    },
    improveCritics(y) {
      concatenate(drawn.observations, drawn.actions, n, work.input)
      let loss = 0
      for (const critic of critics) loss += improveCritic(critic, work.input, y, n, criticLearningRate, work.dQ) / critics.length
      return loss
    },
    improvePolicy() {
      const loss = improvePolicy(policy, critics[0], drawn.observations, n, learningRate, work)
      for (const network of [policy, ...critics]) network.follow(tau)
      return loss
    },
    metrics(policyLoss, valueLoss, epochs) {
      policy.check('policy parameters')
      critics.forEach((critic, k) => {
        critic.check(`critic ${k + 1} parameters`)
      })
      return {
        policyLoss,
        valueLoss,
        costValueLosses: [],
        kl: null,
        entropy: null,
        clipFraction: null,
        epochs,
        explainedVariance: null,
        costExplainedVariance: [],
        learningRate,
      }
    },
    state: () => ({
      actor: policy.state(),
      critics: critics.map((critic) => critic.state()),
      replay: replay.state(),
      draws: draws.state(),
    }),
    restore(state) {
      policy.restore(state.actor)
      critics.forEach((critic, k) => {
        critic.restore(state.critics[k])
      })
      replay.restore(state.replay)
      draws.restore(state.draws)
    },
  }
}

/** A network, its slowly following copy (the target) and its optimiser. ReLU between layers. */
export interface Trained {
  readonly network: Mlp
  /** Outputs for n inputs of the network or of its target; valid until the next call. */
  forward(inputs: Float64Array, n: number): Float64Array
  target(inputs: Float64Array, n: number): Float64Array
  /** After `forward`: one Adam step along the gradient of a loss with gradient dOutput. */
  step(inputs: Float64Array, n: number, dOutput: Float64Array, learningRate: number): void
  /** After `forward`: the gradient with respect to the inputs. */
  inputGradient(n: number, dOutput: Float64Array, dInput: Float64Array): void
  /** target <- (1 - tau) target + tau network */
  follow(tau: number): void
  check(what: string): void
  state(): TrainedState
  restore(state: TrainedState): void
}

export interface TrainedState {
  readonly parameters: string
  readonly target: string
  readonly adam: AdamState
}

export function createTrained(sizes: readonly number[], rows: number, random: Random): Trained {
  const parameters = new Float64Array(mlpSize(sizes))
  const gradient = new Float64Array(parameters.length)
  const network: Mlp = { sizes, parameters, gradient, activation: 'relu' }
  initialiseUniform(network, random)
  const slow: Mlp = { ...network, parameters: parameters.slice() }
  const optimiser = adam(parameters.length)
  const tape = createTape(sizes, rows)
  return {
    network,
    forward: (inputs, n) => forward(network, inputs, n, tape),
    target: (inputs, n) => forward(slow, inputs, n, tape),
    step(inputs, n, dOutput, learningRate) {
      gradient.fill(0)
      backward(network, inputs, n, tape, dOutput)
      optimiser.step(parameters, gradient, learningRate)
    },
    inputGradient: (n, dOutput, dInput) => inputGradient(network, n, tape, dOutput, dInput),
    follow: (tau) => polyak(slow.parameters, parameters, tau),
    check: (what) => checkFinite(parameters, what),
    state: () => ({ parameters: saveFloats(parameters), target: saveFloats(slow.parameters), adam: optimiser.state() }),
    restore(state) {
      restoreFloats(parameters, state.parameters, 'a network')
      restoreFloats(slow.parameters, state.target, 'a target network')
      optimiser.restore(state.adam)
    },
  }
}

/** target <- (1 - tau) target + tau online */
export function polyak(target: Float64Array, online: Float64Array, tau: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (1 - tau) * target[i] + tau * online[i]
}

/** y = r + gamma (1 - terminated) min_k q_k, with q_k of the target critics at (s', a'), into `out`. A time limit does not end the sum. */
export function tdTargets(
  rewards: ArrayLike<number>,
  terminated: ArrayLike<number>,
  next: readonly ArrayLike<number>[],
  gamma: number,
  n: number,
  out: Float64Array,
): void {
  for (let i = 0; i < n; i++) {
    let least = Number.POSITIVE_INFINITY
    for (let k = 0; k < next.length; k++) if (next[k][i] < least) least = next[k][i]
    out[i] = rewards[i] + (terminated[i] || gamma === 0 ? 0 : gamma * least)
  }
}

/**
 * mu(s) = tanh(network(s)) in units where the box is [-1, 1]. `explore` gives one coordinate of the action that is taken while learning,
 * within [-1, 1], for the mean that the policy chose.
 * @throws TypeError for actions that are not a box with finite bounds
 */
export function deterministicActor(
  name: string,
  { actions }: Problem,
  trained: Trained,
  explore: (mean: number, random: Random) => number,
): Acting {
  if (actions.kind !== 'box' || ![...actions.low, ...actions.high].every(Number.isFinite)) {
    throw new TypeError(`environment.actions: '${name}' expected a box with finite bounds, found ${JSON.stringify(actions)}`)
  }
  const { size } = actions
  let rows = 1
  let tape = createTape(trained.network.sizes, rows)
  return {
    distribution: {
      actionSize: size,
      sample(mean, _free, row, random, drawn) {
        for (let i = row * size; i < (row + 1) * size; i++) drawn[i] = explore(mean[i], random)
      },
      mode(mean, row, drawn) {
        for (let i = row * size; i < (row + 1) * size; i++) drawn[i] = mean[i]
      },
      logProbability: () => 0, // of no use here
    },
    free: new Float64Array(0),
    normaliser: null,
    normalise: () => {},
    outputs(inputs, n) {
      if (n > rows) {
        rows = n
        tape = createTape(trained.network.sizes, rows)
      }
      return squash(forward(trained.network, inputs, n, tape), n * size)
    },
    executed: executor(actions, true),
  }
}

/** tanh of the first `count`, in place. */
export function squash(values: Float64Array, count: number): Float64Array {
  for (let i = 0; i < count; i++) values[i] = Math.tanh(values[i])
  return values
}

/** [n][a + b] from [n][a] and [n][b]: what Q(s, a) gets. */
export function concatenate(s: Float64Array, a: Float64Array, n: number, into: Float64Array): Float64Array {
  const widthS = s.length / n
  const widthA = a.length / n
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j < widthS; j++) into[at++] = s[i * widthS + j]
    for (let j = 0; j < widthA; j++) into[at++] = a[i * widthA + j]
  }
  return into
}

/**
 * The policy gradient through the critic (Silver et al. 2014): one step down -mean Q(s, mu(s)), whose value is given back.
 * Room to work in: `input` and `dInput` [n][observation + action], `dQ` [n], `dMean` [n][action].
 */
export function improvePolicy(
  policy: Trained,
  critic: Trained,
  observations: Float64Array,
  n: number,
  learningRate: number,
  { input, dInput, dQ, dMean }: { input: Float64Array; dInput: Float64Array; dQ: Float64Array; dMean: Float64Array },
): number {
  const size = dMean.length / n
  const width = input.length / n
  const mean = squash(policy.forward(observations, n), n * size).subarray(0, n * size)
  const q = critic.forward(concatenate(observations, mean, n, input), n)
  let loss = 0
  for (let i = 0; i < n; i++) loss -= q[i] / n
  critic.inputGradient(n, dQ.fill(-1 / n), dInput)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < size; j++) {
      const a = mean[i * size + j]
      dMean[i * size + j] = dInput[(i + 1) * width - size + j] * (1 - a * a)
    }
  }
  policy.step(observations, n, dMean, learningRate)
  return loss
}

/** One step of a critic down mean (Q - y)^2, whose value before it is given back. */
export function improveCritic(
  critic: Trained,
  input: Float64Array,
  y: Float64Array,
  n: number,
  learningRate: number,
  dQ: Float64Array,
): number {
  const q = critic.forward(input, n)
  let squares = 0
  for (let i = 0; i < n; i++) {
    const error = q[i] - y[i]
    squares += error * error
    dQ[i] = (2 * error) / n
  }
  critic.step(input, n, dQ, learningRate)
  return squares / n
}

/**
 * What was collected, as transitions: the actions that were executed, and per step its own reward, or the return of its whole episode.
 * @throws TypeError when returns of whole episodes are asked for and an episode is cut
 */
export function transitions(batch: Batch, { observationSize, actions }: Problem, rewards: 'step' | 'episode'): Transitions {
  if (actions.kind !== 'box') throw new TypeError('transitions: expected box actions')
  const { size } = actions
  const rows = createTransitions(batch.size, observationSize, size)
  const ends = new Map(batch.endRows.map((row, i) => [row, i]))
  rows.observations.set(batch.observations)
  for (let t = batch.size - 1; t >= 0; t--) {
    for (let i = 0; i < size; i++) {
      const half = (actions.high[i] - actions.low[i]) / 2
      const unit = (batch.executed[t * size + i] - actions.low[i]) / half - 1
      rows.actions[t * size + i] = Math.min(1, Math.max(-1, unit))
    }
    rows.rewards[t] = batch.rewards[t]
    rows.terminated[t] = batch.terminated[t]
    const next = batch.next[t]
    const end = ends.get(t)
    const after = (from: Float64Array, row: number) => from.subarray(row * observationSize, (row + 1) * observationSize)
    if (next >= 0) rows.next.set(after(batch.observations, next), t * observationSize)
    else if (end !== undefined) rows.next.set(after(batch.endInputs, end), t * observationSize)
    if (rewards === 'episode') {
      if (next < 0 && !batch.ended[t]) {
        throw new TypeError(`rewards: 'episode' needs whole episodes (collect: { episodes }), found one that the collection cuts`)
      }
      if (next >= 0) rows.rewards[t] += rows.rewards[next]
    }
  }
  // Return to go so far; every step gets that of the first.
  if (rewards === 'episode') for (let t = 0; t < batch.size; t++) if (batch.next[t] >= 0) rows.rewards[batch.next[t]] = rows.rewards[t]
  return rows
}
