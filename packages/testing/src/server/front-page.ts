import { html } from 'hono/html'

import { isRecord } from './config.ts'
import { decodeToken, type Judgement } from './judge-token.ts'
import { type Markup, page } from './page.ts'
import type { RequestEntry } from './request-log.ts'
import type { Tenant } from './tenant.ts'

/** What was asked by one of the forms, and what came of it. */
export interface Outcome {
  readonly minted?: string
  readonly problem?: string
  readonly judged?: { readonly token: string; readonly audience: string; readonly judgement: Judgement }
}

/** The members of the form which mints. */
export interface MintForm {
  readonly sub: string
  readonly client_id: string
  readonly audience: string
  readonly scope: string
  readonly typ: string
  readonly claims: string
}

/** Mints tokens, reads them, and shows who asked for what. */
export function frontPage(
  tenant: Tenant,
  form: MintForm,
  log: readonly RequestEntry[],
  outcome: Outcome = {},
): Promise<Response> {
  return page(
    'Development issuer',
    html`
      <p>
        Issuer: <code>${tenant.issuer}</code>. For development only: anybody who reaches it gets any token.
      </p>
      ${mintSection(form, outcome)} ${judgeSection(form.audience, outcome)} ${logSection(log)}
    `,
    outcome.problem === undefined ? {} : { status: 400 },
  )
}

const field = (name: string, label: string, value: string): Markup =>
  html`<label>${label} <input name="${name}" value="${value}" autocomplete="off" /></label>`

function mintSection(form: MintForm, { minted, problem }: Outcome): Markup {
  return html`<section aria-labelledby="mint">
    <h2 id="mint">Mint a token</h2>
    ${problem === undefined ? '' : html`<p role="alert">${problem}</p>`}
    ${
      minted === undefined
        ? ''
        : html`<div role="status">
            <label>The token <textarea id="minted" rows="6" readonly>${minted}</textarea></label>
            <button type="button" data-copy="minted" hidden>Copy</button>
          </div>`
    }
    <form method="post">
      ${field('sub', 'Subject', form.sub)} ${field('client_id', 'Client', form.client_id)}
      ${field('audience', 'Audience', form.audience)} ${field('scope', 'Scope', form.scope)}
      ${field('typ', 'Type', form.typ)}
      <label
        >More claims, as JSON; they replace those above
        <textarea name="claims" rows="3" spellcheck="false">${form.claims}</textarea>
      </label>
      <button name="action" value="mint">Mint</button>
    </form>
  </section>`
}

function judgeSection(audience: string, { judged }: Outcome): Markup {
  return html`<section aria-labelledby="judge">
    <h2 id="judge">Read a token</h2>
    <form method="post">
      <label
        >Token <textarea name="token" rows="6" spellcheck="false">${judged?.token ?? ''}</textarea>
      </label>
      <label
        >The audience of your API
        <input name="for" value="${judged?.audience ?? audience}" autocomplete="off"
      /></label>
      <button name="action" value="judge">Read</button>
    </form>
    ${judged === undefined ? '' : verdict(judged.token, judged.judgement)}
  </section>`
}

function verdict(token: string, judgement: Judgement): Markup {
  const decoded = decodeToken(token)
  const said = judgement.accepted
    ? html`<p role="status" id="verdict">It is accepted.</p>`
    : html`<p role="status" id="verdict">
        It is refused: ${judgement.status} <code>${judgement.code}</code>. ${judgement.text}
        (${judgement.spec}).
      </p>`
  return html`${said}
  ${
    decoded === undefined
      ? html`<p>It is no JWT whose parts could be shown.</p>`
      : html`<h3>Header</h3>
          <pre>${JSON.stringify(decoded.header, null, 2)}</pre>
          <h3>Claims</h3>
          <pre>${JSON.stringify(decoded.claims, null, 2)}</pre>
          ${timesOf(decoded.claims)}`
  }`
}

function timesOf(claims: unknown): Markup | '' {
  if (!isRecord(claims)) return ''
  const times = ['iat', 'nbf', 'exp'].flatMap((name) => {
    const value = claims[name]
    const date = typeof value === 'number' ? new Date(value * 1000) : undefined
    return date === undefined || Number.isNaN(date.getTime()) ? [] : [[name, date.toISOString()] as const]
  })
  return html`<dl>
    ${times.map(
      ([name, date]) =>
        html`<dt><code>${name}</code></dt>
          <dd><time datetime="${date}">${date}</time></dd>`,
    )}
  </dl>`
}

function logSection(log: readonly RequestEntry[]): Markup {
  return html`<section aria-labelledby="log">
    <h2 id="log">Last requests</h2>
    ${
      log.length === 0
        ? html`<p>None yet.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Request</th>
                <th scope="col">Status</th>
                <th scope="col">What</th>
              </tr>
            </thead>
            <tbody>
              ${log.map(
                ({ time, method, path, status, what }) =>
                  html`<tr>
                    <td>${time}</td>
                    <td>${method} ${path}</td>
                    <td>${status}</td>
                    <td>${what}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
    }
  </section>`
}
