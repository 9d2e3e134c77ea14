import type { ClientIdentity, Principal } from './client-identity.ts';
import { createPrincipal } from './client-identity.ts';

/** A client as tests meet it: without credentials, from the network. */
export function identityOf(fields: Partial<ClientIdentity> = {}): ClientIdentity {
  return {
    clientId: 'sensor-1',
    username: null,
    listener: 'tcp.default',
    peerAddress: '192.0.2.7',
    peerPort: 50_000,
    isLoopbackListener: false,
    certificateCommonName: null,
    protocolVersion: 5,
    ...fields,
  };
}

/** A client that has proven `username`, or an anonymous one. */
export function principalOf(username: string | null, fields: Partial<Principal> = {}): Principal {
  return { ...createPrincipal(identityOf(), { username }), ...fields };
}

/** The same on a loopback listener. */
export function localIdentityOf(fields: Partial<ClientIdentity> = {}): ClientIdentity {
  return identityOf({ isLoopbackListener: true, peerAddress: '127.0.0.1', ...fields });
}
