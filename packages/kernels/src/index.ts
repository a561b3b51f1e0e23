export * from './gpu.js'
export * from './operation.js'
export { operations } from './operations.js'
export * from './program.js'
