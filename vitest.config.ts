import { defineConfig } from 'vitest/config'

/** What kafkajs says on every start on Node 24 and in every producer, and nobody can change here. */
const quiet = {
  execArgv: ['--disable-warning=TimeoutNegativeWarning'],
  env: { KAFKAJS_NO_PARTITIONER_WARNING: '1' }
}

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        test: {
          ...quiet,
          name: 'unit',
          include: ['test/{unit,fuzz}/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 20_000,
          hookTimeout: 60_000
        }
      },
      {
        test: {
          ...quiet,
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 60_000
        }
      },
      {
        test: {
          ...quiet,
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 300_000
        }
      },
      {
        test: {
          ...quiet,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/global-setup.ts'],
          // Kafka, the clients and the proxy share the machine with the tests: one file at a time.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      }
    ]
  }
})
