// Signs distinct tokens and prints them, one a line, behind the key set: KIND COUNT.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

import { createSigner, padding } from './tokens.ts'

const [kind, count] = process.argv.slice(2) as ['valid' | 'garbage' | 'groups', string]
const signer = createSigner('EdDSA')
const pad = padding(signer, 800)

function tokenOf(n: number): string {
  if (kind === 'valid') return signer.token(pad)
  // 12 KiB as a token, so 9 KiB as JSON.
  if (kind === 'groups')
    return signer.token({ groups: Array.from({ length: 1000 }, (_none, m) => `${n % 1000}-${m}`) })
  const noise = randomBytes(590).toString('base64url')
  return n % 2 === 0 ? noise : `${signer.token().split('.', 1)[0]}.${noise}.${noise.slice(0, 86)}`
}

async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}

await write(JSON.stringify({ keys: [signer.jwk] }))
for (let n = 0; n < Number(count); n += 64) {
  const lines = Array.from({ length: Math.min(64, Number(count) - n) }, (_none, m) => tokenOf(n + m))
  await write(lines.join('\n'))
}
