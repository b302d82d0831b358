import { existsSync } from 'node:fs'

import { type Browser, launch } from 'puppeteer-core'

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** Why there is no browser to test with; where it has to be there, its absence is a failure and no reason. */
export const noBrowser: string | undefined =
  existsSync(CHROMIUM) || process.env['CI'] === 'true'
    ? undefined
    : `there is no ${CHROMIUM}: apt-get install --no-install-recommends chromium`

/** A headless Chromium with nothing in its profile. */
export function startBrowser(): Promise<Browser> {
  return launch({
    executablePath: CHROMIUM,
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  })
}
