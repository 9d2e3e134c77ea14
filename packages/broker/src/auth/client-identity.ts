/** Who a client says it is, and what the listener knows of it. Nothing here is proven but the listener, the address and the certificate. */
export interface ClientIdentity {
  /** As sent, or as the broker assigned it. */
  readonly clientId: string;
  /** The User Name as sent; null when there is none, which differs from an empty one. */
  readonly username: string | null;
  /** The listener's name in the configuration, with its kind: `tcp.default`. */
  readonly listener: string;
  /** IP address without brackets; the empty string for a Unix socket. */
  readonly peerAddress: string;
  /** 0 for a Unix socket. */
  readonly peerPort: number;
  /** Whether the listener is bound to loopback. Trust follows this, never the peer's address. */
  readonly isLoopbackListener: boolean;
  /** Common name of the verified client certificate (the empty string when it has none); null without a certificate. */
  readonly certificateCommonName: string | null;
  readonly protocolVersion: 3 | 4 | 5;
}

/**
 * Who a client is after authentication: plain values, so that a session can keep it for its will and for its return.
 * Rules are compiled once per object, so keep the same one as long as the connection lives.
 */
export interface Principal {
  readonly clientId: string;
  /** The proven user name; null for anonymous clients, whatever name they sent. */
  readonly username: string | null;
  readonly isAnonymous: boolean;
  readonly isSuperuser: boolean;
  /** Who owns the sessions of this client: `user:NAME`, `cert:CN` or `anonymous`. */
  readonly owner: string;
  readonly listener: string;
  readonly peerAddress: string;
  readonly isLoopbackListener: boolean;
  readonly protocolVersion: 3 | 4 | 5;
}

/** The owner of every session that an anonymous client opens. */
const ANONYMOUS_OWNER = 'anonymous';

/** What a provider that says yes has proven about the client. */
export interface Grant {
  /** The proven user name; null when the client stays nameless. */
  readonly username: string | null;
  readonly isSuperuser?: boolean;
  /** Replaces the client id that was sent. */
  readonly clientId?: string;
  /** Session owner where it is not the user: `cert:CN`. */
  readonly owner?: string;
}

/** Joins what was proven with what the listener knows. */
export function createPrincipal(identity: ClientIdentity, grant: Grant): Principal {
  const owner = grant.owner ?? (grant.username === null ? ANONYMOUS_OWNER : `user:${grant.username}`);
  return {
    clientId: grant.clientId ?? identity.clientId,
    username: grant.username,
    isAnonymous: owner === ANONYMOUS_OWNER,
    isSuperuser: grant.isSuperuser === true,
    owner,
    listener: identity.listener,
    peerAddress: identity.peerAddress,
    isLoopbackListener: identity.isLoopbackListener,
    protocolVersion: identity.protocolVersion,
  };
}

/** Whether what a provider called a grant is one: providers come from outside as well, so that their types are no proof. */
export function isGrant(value: unknown): value is Grant {
  if (typeof value !== 'object' || value === null) return false;
  const grant = value as { [name in keyof Grant]?: unknown };
  return (
    (grant.username === null || isText(grant.username)) &&
    (grant.isSuperuser === undefined || typeof grant.isSuperuser === 'boolean') &&
    (grant.clientId === undefined || isText(grant.clientId)) &&
    (grant.owner === undefined || isText(grant.owner))
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
