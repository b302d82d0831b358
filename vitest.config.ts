import { defineConfig } from 'vitest/config'

// A failed install does not stop the script behind it, which then runs on the system's Node.
if (Number(process.versions.node.split('.', 1)[0]) < 22) {
  throw new Error(`Node ${process.version} is too old to run the tests: the install before them failed`)
}

// The workspace runs from source.
const conditions = ['@atjwt/source']
const resolve = { conditions }
const ssr = { resolve: { conditions, externalConditions: conditions } }
const web = ['@atjwt/source', 'atjwt-web']

export default defineConfig({
  resolve,
  ssr,
  test: {
    reporters: ['default', './test/helpers/summary-reporter.ts'],
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'] },
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['packages/*/src/**/*.test.ts', 'packages/core/docs/docs.test.ts'] },
      },
      {
        resolve: { conditions: web },
        ssr: { resolve: { conditions: web, externalConditions: web } },
        test: {
          name: 'unit on WebCrypto',
          include: ['packages/core/src/**/*.test.ts'],
          exclude: ['**/crypto/node.test.ts'],
        },
      },
      ...['requirements', 'attacks', 'adapters', 'faults', 'interop', 'packaging', 'runtimes', 'bench'].map(
        (name) => ({
          extends: true as const,
          test: {
            name,
            include: [`test/${name}/**/*.test.ts`],
            exclude: ['**/node_modules/**'],
            testTimeout: 30_000,
            hookTimeout: 60_000,
          },
        }),
      ),
      {
        extends: true,
        test: { name: 'examples', include: ['examples/*/src/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            checker: 'tsc',
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './tsconfig.json',
          },
        },
      },
    ],
  },
})
