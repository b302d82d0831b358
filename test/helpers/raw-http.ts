import { connect } from 'node:net'

/** An answer as it stood on the wire: every field, in order, also those of one name. */
export interface RawAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** A request as it goes on the wire. */
export interface RawRequest {
  readonly method?: string
  /** Path and query. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/**
 * Sends exactly these octets: clients refuse, trim or merge what an attacker would send (two fields of one name,
 * control characters, half a token). `undefined` when the server hung up without an answer.
 */
export async function sendRaw(
  port: number,
  { method = 'GET', target, headers }: RawRequest,
): Promise<RawAnswer | undefined> {
  const lines = [['Host', `127.0.0.1:${port}`], ...headers, ['Connection', 'close']].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  const chunks: Buffer[] = []
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('data', (chunk) => chunks.push(chunk))
    // A reset after the answer, for example where the server did not read all of an overlong request.
    socket.on('error', () => {})
    socket.on('close', () => {
      resolve()
    })
    socket.write(Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'))
  })
  const text = Buffer.concat(chunks).toString('latin1')
  return text === '' ? undefined : parseAnswer(text)
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [start, ...lines] = text.slice(0, end).split('\r\n') as [string, ...string[]]
  const status = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(start)?.[1]
  if (end < 0 || status === undefined) throw new Error('no HTTP answer')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const chunked = headers.some(
    ([name, value]) => name.toLowerCase() === 'transfer-encoding' && value === 'chunked',
  )
  const rest = text.slice(end + 4)
  return {
    status: Number(status),
    headers,
    body: Buffer.from(chunked ? unchunk(rest) : rest, 'latin1').toString('utf8'),
  }
}

function unchunk(text: string): string {
  let body = ''
  let at = 0
  for (;;) {
    const line = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, line), 16)
    if (!(size > 0)) return body
    body += text.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}
