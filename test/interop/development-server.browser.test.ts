import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import type { Browser, Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { noBrowser, startBrowser } from './browser.ts'
import { all, type DevelopmentWorld, startDevelopmentWorld } from './development-world.ts'

/** A client as it runs in a browser: sends itself to the login, comes back with a code, and redeems it by `fetch`. */
const CLIENT = `<!doctype html><title>Client</title><output id="result"></output><script type="module">
  const issuer = new URLSearchParams(location.hash.slice(1)).get('issuer') ?? sessionStorage.issuer
  const redirect_uri = location.origin + '/callback'
  const encode = (octets) => btoa(String.fromCharCode(...new Uint8Array(octets))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  const params = new URLSearchParams(location.search)
  const result = document.getElementById('result')
  if (location.pathname === '/') {
    const verifier = encode(crypto.getRandomValues(new Uint8Array(32)))
    sessionStorage.issuer = issuer
    sessionStorage.verifier = verifier
    sessionStorage.state = crypto.randomUUID()
    const challenge = encode(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)))
    location.assign(issuer + '/authorize?' + new URLSearchParams({
      client_id: 'web', response_type: 'code', redirect_uri, scope: 'orders:read', state: sessionStorage.state,
      code_challenge: challenge, code_challenge_method: 'S256',
    }))
  } else if (params.has('error')) {
    result.textContent = JSON.stringify({ error: params.get('error') })
  } else if (params.get('state') !== sessionStorage.state || params.get('iss') !== issuer) {
    result.textContent = JSON.stringify({ error: 'not the answer that was asked for' })
  } else {
    const response = await fetch(issuer + '/token', { method: 'POST', body: new URLSearchParams({
      grant_type: 'authorization_code', client_id: 'web', code: params.get('code'), redirect_uri,
      code_verifier: sessionStorage.verifier,
    }) })
    result.textContent = await response.text()
  }
</script>`

describe.skipIf(noBrowser !== undefined)(
  `in Chromium${noBrowser === undefined ? '' : ` (skipped: ${noBrowser})`}`,
  () => {
    let world: DevelopmentWorld
    let browser: Browser
    let site: Server
    let client: string
    const complaints: string[] = []

    beforeAll(async () => {
      world = await startDevelopmentWorld()
      site = createServer((_req, res) => {
        res.setHeader('content-type', 'text/html').end(CLIENT)
      }).listen(0, '127.0.0.1')
      await once(site, 'listening')
      client = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
      browser = await startBrowser()
    })
    afterAll(async () => {
      await browser?.close()
      site?.closeAllConnections()
      site?.close()
      await world?.[Symbol.asyncDispose]()
    })

    /** A page of its own profile; whatever the browser complains about is kept. */
    async function open(url: string): Promise<Page> {
      const context = await browser.createBrowserContext()
      const page = await context.newPage()
      page.on('console', (message) => {
        if (['error', 'warn'].includes(message.type())) complaints.push(message.text())
      })
      page.on('pageerror', (error) => {
        complaints.push(String(error))
      })
      await page.goto(url)
      return page
    }
    const text = (page: Page, selector: string): Promise<string> =>
      page.$eval(selector, (element) => (element as unknown as { textContent: string }).textContent)
    const press = async (page: Page, label: string): Promise<void> => {
      await Promise.all([page.waitForNavigation(), page.click(`::-p-aria([name="${label}"][role="button"])`)])
    }
    const result = async (page: Page): Promise<Record<string, unknown>> => {
      await page.waitForSelector('#result:not(:empty)')
      return JSON.parse(await text(page, '#result')) as Record<string, unknown>
    }
    const login = async (): Promise<Page> => {
      const page = await open(`${client}/#issuer=${world.issuer}`)
      await page.waitForSelector('input[name=user]')
      return page
    }

    test('a client in the browser logs somebody in, and its token opens every API', async () => {
      const page = await login()
      expect(await page.title()).toBe('Log in')
      await page.click('::-p-aria([name="Alice"][role="radio"])')
      await press(page, 'Log in')
      const { access_token } = await result(page)
      expect(await world.callAll(access_token as string)).toEqual(
        all({ sub: 'alice', scopes: ['orders:read'] }),
      )
    })

    test('a wrong password is said, the right one goes on', async () => {
      const page = await login()
      await page.click('input[name=user][value=bob]')
      await page.type('input[name=password]', 'wrong')
      await press(page, 'Log in')
      expect(await text(page, '[role=alert]')).toBe('The user or the password is wrong.')
      await page.click('input[name=user][value=bob]')
      await page.type('input[name=password]', 'correct horse')
      await press(page, 'Log in')
      expect(await result(page)).toMatchObject({ token_type: 'Bearer', scope: 'orders:read' })
    })

    test('a cancelled login is told to the client', async () => {
      const page = await login()
      await press(page, 'Cancel')
      expect(await result(page)).toEqual({ error: 'access_denied' })
    })

    test('the front page mints a token which every API takes, and says so', async () => {
      const page = await open(world.issuer)
      await page.type('input[name=scope]', 'orders:read')
      await press(page, 'Mint')
      const token = await page.$eval('#minted', (element) => (element as unknown as { value: string }).value)
      expect(await world.callAll(token)).toEqual(all({ sub: 'alice', scopes: ['orders:read'] }))
      await page.type('textarea[name=token]', token)
      await press(page, 'Read')
      expect(await text(page, '#verdict')).toBe('It is accepted.')
      expect(await text(page, 'main')).toContain('"client_id": "basic"')
      // The script ran under the policy of the page.
      await press(page, 'Mint')
      expect(
        await page.$eval(
          'button[data-copy]',
          (element) => (element as unknown as { hidden: boolean }).hidden,
        ),
      ).toBe(false)
    })

    test.for([
      [{ claims: '{"exp":1}' }, 'token_expired', 'RFC 7519 §4.1.4'],
      [{ typ: 'JWT' }, 'type_mismatch', 'RFC 9068 §4'],
      [{ audience: 'https://other.example' }, 'audience_mismatch', 'RFC 9068 §4'],
      [{ claims: '{"cnf":{"jkt":"x"}}' }, 'binding_not_supported', 'RFC 7800 §3.1'],
    ] as const)('a token with %j: the page says why it would be refused: %s', async ([form, code, spec]) => {
      const page = await open(world.issuer)
      for (const [name, value] of Object.entries(form)) {
        await page.$eval(
          `form [name=${name}]`,
          (element, to) => {
            ;(element as unknown as { value: string }).value = to
          },
          value,
        )
      }
      await press(page, 'Mint')
      const token = await page.$eval('#minted', (element) => (element as unknown as { value: string }).value)
      await page.type('textarea[name=token]', token)
      await page.$eval('[name=for]', (element) => {
        ;(element as unknown as { value: string }).value = 'https://api.example'
      })
      await press(page, 'Read')
      expect(await text(page, '#verdict')).toContain(`401 ${code}`)
      expect(await text(page, '#verdict')).toContain(`(${spec})`)
    })

    test('what is pasted is shown as text, and the requests are listed', async () => {
      const page = await open(world.issuer)
      await page.type('textarea[name=token]', `"></textarea><img src=x onerror="document.title='owned'">`)
      await press(page, 'Read')
      expect(await page.title()).toBe('Development issuer')
      expect(await page.$('img')).toBeNull()
      expect(await text(page, '#verdict')).toMatch(/credentials_malformed|token_malformed/)
      expect(await text(page, 'table')).toContain('POST /token')
    })

    test('every field has a name, and the browser complained of nothing', async () => {
      const page = await open(world.issuer)
      const unnamed = await page.$$eval(
        'input:not([type=hidden]), textarea',
        (fields) =>
          fields.filter(
            (element) => (element as unknown as { labels: { length: number } }).labels.length === 0,
          ).length,
      )
      expect(unnamed).toBe(0)
      expect(await page.$eval('html', (element) => (element as unknown as { lang: string }).lang)).toBe('en')
      expect(
        complaints.filter(
          (line) => !line.includes('favicon') && !line.includes('400') && !line.includes('404'),
        ),
      ).toEqual([])
      if (process.env['SCREENSHOT'] !== undefined)
        await page.screenshot({ path: process.env['SCREENSHOT'] as `${string}.png`, fullPage: true })
    })
  },
)
