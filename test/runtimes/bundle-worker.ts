import path from 'node:path'

import { type OutputChunk, rolldown } from 'rolldown'

/** Bundles the application as one would for workerd, from what the packages ship. */
export async function bundleWorker(): Promise<OutputChunk> {
  const bundle = await rolldown({
    input: path.join(import.meta.dirname, 'worker.ts'),
    platform: 'neutral',
    resolve: { conditionNames: ['workerd', 'worker', 'browser', 'import', 'default'] },
    external: [/^node:/, /^cloudflare:/],
  })
  try {
    const { output } = await bundle.write({
      file: path.join(import.meta.dirname, 'dist/worker.js'),
      format: 'esm',
    })
    return output[0]
  } finally {
    await bundle.close()
  }
}
