import type { Operation } from './operation.js'

/** Every operation the GPU runs, by operator name. */
export const operations: Readonly<Record<string, Operation>> = Object.fromEntries(([] as Operation[]).map((operation) => [operation.op, operation]))
