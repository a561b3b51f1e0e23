export { type ArchitectureOptions, architectures, buildArchitecture, createBuilder, defaultInput } from './architectures/index.js'
export {
  computeNormalization,
  type Data,
  type DataOptions,
  type DataSpec,
  type Dataset,
  gatherBatch,
  type MemoryData,
  makeShapes,
  type Normalization,
  normalizationOf,
  normalizations,
  openData,
  parseDataSpec,
  shuffledIndices,
  stratifiedSplit,
  subset,
} from './data/index.js'
export { InputError } from './errors.js'
export { exportOnnx, type ImportOptions, importOnnx, type ReadExternal } from './onnx/index.js'
export {
  type ChannelGroup,
  type CompensationOptions,
  channelGroups,
  compensatedGraph,
  type GroupMember,
  type Kept,
  type PruneOptions,
  pruneChannels,
  pruneChannelsWithReport,
  type Residue,
} from './prune/index.js'
export { createRandom, type Random } from './random.js'
