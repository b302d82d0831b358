import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: { index: 'src/index.ts', server: 'src/server/index.ts', cli: 'src/server/cli.ts' },
  platform: 'neutral',
  target: 'es2023',
  dts: { generator: 'oxc' },
  deps: { neverBundle: [/^#/, /^node:/, /^cloudflare:/] },
  hash: false,
  publint: { level: 'warning' },
})
