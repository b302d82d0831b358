import { withDeadline } from '../internal/deadline.ts'
import type { Client, ClientVerifier, ClientVerifierOptions } from './clients.ts'
import { Denial } from './errors.ts'

/** Seconds a look-up of a client may take. */
const LOOKUP_DEADLINE = 5

/** The registry behind each verifier of client assertions, for a client which authenticates without one. */
const REGISTRIES = new WeakMap<ClientVerifier, ClientVerifierOptions['clients']>()

export function rememberRegistry(verifier: ClientVerifier, clients: ClientVerifierOptions['clients']): void {
  REGISTRIES.set(verifier, clients)
}

/** What the registry says of a client; `undefined` where it knows none of that name, and where there is no registry. */
export async function findRegistered(
  verifier: ClientVerifier,
  client_id: string,
): Promise<Client | undefined | Denial> {
  try {
    const client = await withDeadline(LOOKUP_DEADLINE, () => REGISTRIES.get(verifier)?.(client_id))
    if (client === undefined || client === null) return undefined
    const { grant_types } = client
    // As where the client shows an assertion: an alias is another client, and a string has includes() too.
    const right = client.client_id === client_id && (grant_types === undefined || Array.isArray(grant_types))
    return right ? client : new Denial('client_misconfigured')
  } catch (cause) {
    return new Denial('resolver_failed', { cause })
  }
}
