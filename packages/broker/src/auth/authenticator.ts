import type { ReasonCode } from '@wrenmq/codec';
import type { ClientIdentity, Grant, Principal } from './client-identity.ts';

/** One client that wants in, with what it sent to prove itself. */
export interface AuthenticationRequest {
  readonly identity: ClientIdentity;
  /** The Password as sent; null when there is none. Valid for the length of the request; never logged. */
  readonly password: Uint8Array | null;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** A provider's answer. `ignore`: not mine, ask the next one. */
export type Verdict =
  | { readonly kind: 'allow'; readonly grant: Grant }
  | { readonly kind: 'deny'; readonly reasonCode: ReasonCode; readonly reason: string }
  | { readonly kind: 'ignore' };

/** One way to prove who one is. Failing, slow or nonsensical answers deny. */
export interface AuthenticationProvider {
  readonly name: string;
  authenticate(request: AuthenticationRequest): Verdict | Promise<Verdict>;
}

/** What the chain answers. `reason` is for the log, without secrets; it is not meant for the client. */
export type AuthenticationOutcome =
  | { readonly kind: 'allow'; readonly principal: Principal }
  | { readonly kind: 'deny'; readonly reasonCode: ReasonCode; readonly reason: string };

/** What a connection asks: `AuthenticationChain` is the one implementation. Never throws or rejects. */
export interface Authenticator {
  authenticate(identity: ClientIdentity, password: Uint8Array | null): Promise<AuthenticationOutcome>;
}
