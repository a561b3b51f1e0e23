export { exportOnnx } from './export.js'
export { importOnnx } from './import.js'
export type { ImportOptions } from './source.js'
export type { ReadExternal } from './tensors.js'
