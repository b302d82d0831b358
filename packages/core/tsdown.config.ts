import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    adapter: 'src/adapter.ts',
    assertion: 'src/assertion/index.ts',
    'crypto/node': 'src/crypto/node.ts',
    'crypto/web': 'src/crypto/web.ts',
    'runtime/node': 'src/runtime/node.ts',
    'runtime/web': 'src/runtime/web.ts',
    'runtime/workerd': 'src/runtime/workerd.ts',
  },
  platform: 'neutral',
  target: 'es2023',
  dts: { generator: 'oxc' },
  deps: { neverBundle: [/^#/, /^node:/, /^cloudflare:/] },
  hash: false,
  // Every file is looked for, read and linked before the first request of a process.
  outputOptions: {
    codeSplitting: {
      groups: [
        { name: 'primitives', test: /crypto[/\\]algorithms|internal[/\\](?:base64url|json-grammar|stack)/ },
      ],
    },
  },
  publint: { level: 'warning' },
})
