import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: ['src/index.ts'],
  platform: 'neutral',
  target: 'es2023',
  dts: { generator: 'oxc' },
  deps: { neverBundle: [/^#/, /^node:/, /^cloudflare:/] },
  hash: false,
  publint: { level: 'warning' },
})
