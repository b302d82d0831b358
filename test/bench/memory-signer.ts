// Signs distinct tokens and prints them, one a line, behind the key set: KIND COUNT.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

import { createSigner, padding } from './tokens.ts'

const [kind, count] = process.argv.slice(2) as ['valid' | 'garbage' | 'groups', string]
const signer = createSigner('EdDSA')
const pad = padding(signer, 800)

/** A thousand names, other ones for each of many tokens, the one which is asked for last. */
function groupsOf(n: number): string[] {
  const prefix = (n % 36 ** 3).toString(36).padStart(3, '0')
  const names = Array.from({ length: 999 }, (_none, m) => prefix + m.toString(36).padStart(2, '0'))
  return [...names, 'order-managers']
}

/** What a thousand groups lack to 12 KiB. */
const groupsPad = {
  pad: 'x'.repeat(Math.floor(((12 * 1024 - signer.token({ groups: groupsOf(0), pad: '' }).length) * 3) / 4)),
}

function tokenOf(n: number): string {
  if (kind === 'valid') return signer.token(pad)
  if (kind === 'groups') return signer.token({ groups: groupsOf(n), ...groupsPad })
  const noise = randomBytes(590).toString('base64url')
  return n % 2 === 0 ? noise : `${signer.token().split('.', 1)[0]}.${noise}.${noise.slice(0, 86)}`
}

// Whoever reads may have been interrupted.
process.stdout.on('error', () => process.exit())

async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}

await write(JSON.stringify({ keys: [signer.jwk] }))
for (let n = 0; n < Number(count); n += 64) {
  const lines = Array.from({ length: Math.min(64, Number(count) - n) }, (_none, m) => tokenOf(n + m))
  await write(lines.join('\n'))
}
