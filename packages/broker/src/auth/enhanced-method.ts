import type { ReasonCode } from '@wrenmq/codec';
import type { ClientIdentity, Grant, Principal } from './client-identity.ts';

/** What an exchange answers to one message of the client. */
export type MethodStep =
  | { readonly kind: 'continue'; readonly data: Uint8Array }
  | { readonly kind: 'success'; readonly data: Uint8Array | null; readonly grant: Grant }
  | { readonly kind: 'fail'; readonly reasonCode: ReasonCode; readonly reason: string };

/** One authentication in progress. Failing, slow or nonsensical answers deny. */
export interface EnhancedExchange {
  /** The user whom the client claims to be, once it has said so: guesses are counted by it. */
  readonly claimedUsername: string | null;
  /** Takes the Authentication Data of the next packet; null when the packet has none. */
  proceed(data: Uint8Array | null): MethodStep | Promise<MethodStep>;
}

/** An Authentication Method of MQTT 5 (4.12). */
export interface EnhancedMethod {
  /** As it stands in the Authentication Method property. */
  readonly name: string;
  start(identity: ClientIdentity): EnhancedExchange;
}

/** What the connection does next: AUTH 0x18 with `data`, CONNACK or AUTH 0x00 with `data`, or the refusal. */
export type EnhancedStep =
  | { readonly kind: 'continue'; readonly data: Uint8Array }
  | { readonly kind: 'success'; readonly data: Uint8Array | null; readonly principal: Principal }
  | { readonly kind: 'fail'; readonly reasonCode: ReasonCode; readonly reason: string };
