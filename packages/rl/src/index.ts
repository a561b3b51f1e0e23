export type { TrustRegionMetrics } from './algorithm.js'
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
export {
  algorithms,
  type Checkpoint,
  type CpoOptions,
  type Iteration,
  type IterationEvent,
  type LearnOptions,
  type LearnResult,
  learn,
  type PaperOptions,
  type PidLagrangianOptions,
  type PpoLagrangianOptions,
  type PpoOptions,
  type TrpoLagrangianOptions,
  type TrpoOptions,
} from './learn.js'
export type { Policy } from './policy.js'
export { createRandom, type Random, type RandomState, randomFromState } from './random.js'
export type { CollectPlan, Episode } from './rollout.js'
export type { Saved } from './saved.js'
