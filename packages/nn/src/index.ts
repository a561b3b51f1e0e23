export { readBeside, readFile } from '#platform'
export { type ArchitectureOptions, architectures, buildArchitecture, createBuilder, defaultInput } from './architectures/index.js'
export { type Cost, costOf, type LayerCost } from './cost.js'
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
export * from './engine/index.js'
export { AbortedError, InputError } from './errors.js'
export type { DataType, Graph, Node, TensorData, ValueInfo } from './graph.js'
export { normalizationFromMetadata, normalizationMetadata, withMetadata } from './metadata.js'
export { exportOnnx, type ImportOptions, importOnnx, type ReadExternal } from './onnx/index.js'
export * from './prune/index.js'
export { createRandom, type Random } from './random.js'
export { decodeTensors, encodeTensors } from './safetensors.js'
export { inferShapes } from './shapes.js'
export * from './training/index.js'
export { loadWeights, saveWeights, type WeightOptions } from './weights.js'
