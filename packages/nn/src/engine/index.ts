export { activationMemory, type CompileOptions, compile, type Executable, memoryOf, type View } from './compile.js'
export { type Differentiated, differentiate } from './differentiate.js'
export { fuseForInference, prepareForTraining } from './fuse.js'
export { type Model, openModel, type Value } from './model.js'
