import { writeFileSync } from 'node:fs'

import type { Reporter, TestModule } from 'vitest/node'

/** Counts what ran, for the closing line of `.ci/run`: errors outside of tests count as failures. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0
    let failed = unhandled.length
    for (const module of modules) {
      failed += module.errors().length
      for (const suite of module.children.allSuites()) failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed += 1
        if (state === 'failed') failed += 1
      }
    }
    const line = `${passed} passed, ${failed} failed`
    const file = process.env['SUMMARY_FILE']
    if (file === undefined) console.log(line)
    else writeFileSync(file, `${line}\n`)
  }
}
