/** The whole job in code: what the `espalier` command does, as functions. */
export { AbortedError, InputError } from '@espalier/nn'
export type { Budget, Candidate, CostFunction, CustomBudget } from './budgets.js'
export { type NearestValue, UnreachableError } from './errors.js'
export {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type FinetuneOptions,
  finetune,
  type InitializeOptions,
  type Inspection,
  initialize,
  inspect,
  type Trained,
  type TrainJobOptions,
  train,
} from './jobs.js'
export type { Figures } from './measure.js'
export type { DataSource, ModelSource, NormalizationOptions } from './model.js'
export type { Algorithm, Method, PruneOptions, PruneResult, PruneSummary } from './prune/options.js'
export { prune } from './prune/prune.js'
export type { EpisodeRecord } from './prune/records.js'
export { writeReport } from './report/report.js'
export type { Reporter } from './reporter.js'
export { type Sensitivity, type SensitivityOptions, type SensitivityPoint, sensitivity } from './sensitivity.js'
export type { TrainingChoice } from './training.js'
export { version } from './version.js'
