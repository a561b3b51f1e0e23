/**
 * The job: a trained network, data and budgets in, a smaller network and its report out. Rooms: `budgets/` (what a budget is, and what a network costs), `space/` (which
 * networks there are), `search/` (methods that propose networks, and their judgement), `run/` (what is kept of a run, and how it goes on), `job/` (the whole of it),
 * `report/` (the page about it).
 */
export { makeFolder } from '#platform'
export { type Budget, type CustomBudget, readBudgets, resolveBudgets } from './budgets/budgets.js'
export type { Candidate, CostFunction } from './budgets/candidate.js'
export type { Figures } from './budgets/measure.js'
export { createCosts, meets, projectShares, uniformWithin } from './budgets/reach.js'
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
} from './job/jobs.js'
export { chooseNormalization, type DataSource, loadData, loadModel, type ModelSource, type NormalizationOptions } from './job/model.js'
export type { Algorithm, Method, PruneOptions, PruneResult, PruneSummary } from './job/options.js'
export { prune } from './job/prune.js'
export { type SensitivityOptions, sensitivity } from './job/sensitivity.js'
export { type TrainingChoice, trainingDefaults } from './job/training.js'
export { writeReport } from './report/report.js'
export type { Sensitivity, SensitivityPoint } from './report/sensitivity-result.js'
export { percent, type Reporter, silent } from './reporter.js'
export { readJson } from './run/files.js'
export type { EpisodeRecord } from './run/records.js'
export { type RunRecord, readRecord } from './run/run.js'
export { runFor, splitOff } from './search/judging.js'
export { candidateOf, createSpace } from './space/space.js'
export { version } from './version.js'
