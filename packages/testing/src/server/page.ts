import { html, raw } from 'hono/html'

import { randomToken } from './issue-tokens.ts'

/** What `html` makes: everything that was put into it is escaped. */
export type Markup = ReturnType<typeof html>

const STYLE = `
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  label { display: block; margin: .5rem 0 }
  input, textarea, select, button { font: inherit; padding: .3rem .5rem }
  input:not([type=radio]), textarea { width: 100%; box-sizing: border-box }
  textarea, pre, code { font-family: ui-monospace, monospace; font-size: .9rem }
  pre { overflow-x: auto; padding: .7rem; border: 1px solid GrayText }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid GrayText }
  fieldset { border: 1px solid GrayText; margin: 0 0 1rem }
  [role=alert], [role=status] { border-inline-start: .3rem solid currentColor; padding-inline-start: .7rem }
`

/** Without it the page serves all the same: the token can be selected by hand. */
const SCRIPT = `
  for (const button of document.querySelectorAll('button[data-copy]')) {
    button.hidden = false
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value)
      button.textContent = 'Copied'
    })
  }
`

/**
 * A page which loads nothing and runs no script but its own.
 *
 * @param formTargets origins beside this one to which a form may lead, redirects included
 */
export async function page(
  title: string,
  content: Markup,
  { status = 200, formTargets = [] }: { status?: number; formTargets?: readonly string[] } = {},
): Promise<Response> {
  const nonce = randomToken()
  const markup = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style nonce="${nonce}">
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
        <script nonce="${nonce}">
          ${raw(SCRIPT)}
        </script>
      </body>
    </html>`
  return new Response(markup.toString(), {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': [
        "default-src 'none'",
        `style-src 'nonce-${nonce}'`,
        `script-src 'nonce-${nonce}'`,
        `form-action ${["'self'", ...formTargets].join(' ')}`,
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
  })
}
