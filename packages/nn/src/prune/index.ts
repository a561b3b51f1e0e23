export type { CompensationOptions, Residue } from './compensate.js'
export { costAfter, costModel, minimumCost, type PrunedCost } from './cost-model.js'
export { type ChannelGroup, channelGroups, type GroupMember, groupsOf } from './groups.js'
export { addProducts, padded } from './least-squares.js'
export { type MaskOptions, maskGraph, maskName } from './masks.js'
export { compensatedGraph, type PruneOptions, pruneChannels, pruneChannelsWithReport } from './prune.js'
export { type Criterion, criteria, keepTop, keptCount, rankChannels, type WidthOptions } from './rank.js'
export {
  type InputStatistics,
  type LayerGram,
  pruneAndRefit,
  type RefitOptions,
  type Refitted,
  refitLayers,
  type Skipped,
} from './refit.js'
export type { Kept } from './selection.js'
export { removedClasses } from './selection.js'
export {
  filterNorms,
  type KeptWeights,
  type NonZeroWeights,
  nonZeroWeights,
  pruneWeights,
  type WeightLayer,
  weightLayers,
} from './weights.js'
