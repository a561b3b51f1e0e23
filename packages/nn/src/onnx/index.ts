export { exportOnnx } from './export.js'
export { type ImportOptions, importOnnx } from './import.js'
export type { ReadExternal } from './tensors.js'
