export type { PolicyKind } from './actor.js'
export type { TrustRegionMetrics } from './algorithm.js'
export { amcSettings } from './ddpg.js'
export type {
  Action,
  ActionSpec,
  Environment,
  EnvironmentSpec,
  Observation,
  Snapshots,
  StepResult,
  VectorEnvironment,
} from './environment.js'
export { cartPole } from './environments/cart-pole.js'
export { pendulum } from './environments/pendulum.js'
export { type EvaluateOptions, type Evaluation, evaluate, evaluateSeeds } from './evaluate.js'
export {
  algorithms,
  type Checkpoint,
  type CpoOptions,
  type DdpgOptions,
  type Iteration,
  type IterationEvent,
  type LearnOptions,
  type LearnResult,
  learn,
  type PaperOptions,
  type PidLagrangianOptions,
  type PpoLagrangianOptions,
  type PpoOptions,
  type Td3Options,
  type TrpoLagrangianOptions,
  type TrpoOptions,
} from './learn.js'
export {
  csvWriter,
  evaluationMetrics,
  iterationMetrics,
  jsonLinesWriter,
  type MetricEvent,
  type MetricWriter,
} from './metrics.js'
export type { Policy } from './policy.js'
export { createRandom, type Random, type RandomState, randomFromState } from './random.js'
export type { CollectPlan, Episode } from './rollout.js'
export type { Saved } from './saved.js'
export { type Summary, studentQuantile, summarise } from './student.js'
export { tensorBoardWriter } from './tensorboard.js'
