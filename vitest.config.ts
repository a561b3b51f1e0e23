import { defineConfig } from 'vitest/config'

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
    include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'benchmarks/src/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    setupFiles: ['./scripts/fail-on-console.ts'],
  },
})
