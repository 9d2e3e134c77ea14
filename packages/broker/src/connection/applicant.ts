import type { ClientIdentity, Principal } from '#auth/client-identity.ts';
import type { ClientFacts } from '#hooks/points.ts';
import type { Message } from '#message/message.ts';

/** What CONNECT says, checked. */
export interface Applicant {
  readonly identity: ClientIdentity;
  readonly will: { readonly message: Message; readonly delay: number } | null;
}

/** What hooks see of a client; before authentication the user name is only a claim. */
export function factsOf(identity: ClientIdentity, principal: Principal | null = null, connectedAtMs = 0): ClientFacts {
  return {
    clientId: principal?.clientId ?? identity.clientId,
    username: principal === null ? identity.username : principal.username,
    listener: identity.listener,
    peerAddress: identity.peerAddress,
    peerPort: identity.peerPort,
    protocolVersion: identity.protocolVersion,
    connectedAtMs,
  };
}
