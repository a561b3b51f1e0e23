import { testKernels } from './kernels.js'

await testKernels('cpu')
