import { testKernels } from './kernels.js'

// The library and the compiler are those that run all tests in Node. Here: one case of each operation, and what meets the browser itself.
await testKernels('swiftshader', /takes few workgroups$|^(gpu|validate)\.test\.ts > /)
