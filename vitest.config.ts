import { defineConfig } from 'vitest/config'

/** Named by the user: all tests run on it, and on nothing else. */
const named = process.env.ESPALIER_ADAPTER
// It comes for Linux on x64 only.
const onSwiftShader = named === undefined && process.platform === 'linux' && process.arch === 'x64'
if (!onSwiftShader)
  console.warn('The kernels are not tested on SwiftShader: this is not Linux on x64, or ESPALIER_ADAPTER names another adapter.')

export default defineConfig({
  // Tests run on the sources: packages resolve each other by the `espalier-source` condition, shaders load as text.
  ssr: {
    resolve: { conditions: ['espalier-source', 'node', 'module', 'import', 'default'], externalConditions: ['node', 'import', 'default'] },
  },
  resolve: { conditions: ['espalier-source', 'node', 'module', 'import', 'default'] },
  plugins: [
    {
      name: 'wgsl-as-text',
      transform: (code, id) => (id.endsWith('.wgsl') ? { code: `export default ${JSON.stringify(code)}`, map: null } : undefined),
    },
  ],
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    setupFiles: ['./scripts/fail-on-console.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: named ?? 'cpu',
          include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'benchmarks/src/**/*.test.ts'],
          env: { ESPALIER_ADAPTER: named ?? 'cpu' },
        },
      },
      // The kernels once more on a WebGPU by others, whose compiler and driver share nothing with ours.
      ...(onSwiftShader
        ? [
            {
              extends: true as const,
              test: { name: 'swiftshader', include: ['packages/kernels/src/**/*.test.ts'], env: { ESPALIER_ADAPTER: 'swiftshader' } },
            },
          ]
        : []),
    ],
  },
})
