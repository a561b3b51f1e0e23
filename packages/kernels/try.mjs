import { acquireGpu } from './dist/gpu.js'
console.error('go', process.argv[2])
const gpu = await acquireGpu({prefer: process.argv[2] || undefined})
console.error(gpu.info)
await gpu.sync(); console.error('synced')
gpu.close(); console.error('closed')
