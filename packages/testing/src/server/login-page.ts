import { html } from 'hono/html'

import { type AuthorizationRequest, CARRIED } from './authorize.ts'
import type { DevelopmentUser } from './config.ts'
import { page } from './page.ts'

/** Asks who logs in. */
export function loginPage(
  { client, redirect_uri, params }: AuthorizationRequest,
  users: readonly DevelopmentUser[],
  problem?: string,
): Promise<Response> {
  const carried = CARRIED.flatMap((name) => params.getAll(name).map((value) => [name, value] as const))
  const scope = params.get('scope')
  const content = html`
    <p>
      The client <strong>${client.client_id}</strong> asks for
      ${scope === null ? 'access without a scope' : html`the scope <code>${scope}</code>`}.
    </p>
    ${problem === undefined ? '' : html`<p role="alert">${problem}</p>`}
    <form method="post">
      ${carried.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
      <fieldset>
        <legend>User</legend>
        ${users.map(
          ({ sub, name }, at) =>
            html`<label
              ><input type="radio" name="user" value="${sub}" required ${at === 0 ? 'checked' : ''} /> ${
                name ?? sub
              }</label
            >`,
        )}
        ${users.length === 0 ? html`<p>The configuration has no users.</p>` : ''}
      </fieldset>
      ${
        users.some(({ password }) => password !== undefined)
          ? html`<label
              >Password, for users who have one <input type="password" name="password" autocomplete="off"
            /></label>`
          : ''
      }
      <button name="decision" value="login">Log in</button>
      <button name="decision" value="cancel" formnovalidate>Cancel</button>
    </form>
  `
  // The browser holds a form to this list also when its answer redirects.
  return page('Log in', content, { formTargets: [originOf(redirect_uri)] })
}

function originOf(uri: string): string {
  const { protocol, origin } = new URL(uri)
  return origin === 'null' ? protocol : origin
}

/** What is wrong with a request for which there is no safe redirect. */
export function problemPage(text: string): Promise<Response> {
  return page('Cannot log in', html`<p role="alert">${text}.</p>`, { status: 400 })
}
