import type { ClientIdentity, Principal } from '#auth/client-identity.ts';
import type { EnhancedConversation } from '#port/client-port.ts';

/** What a connection knows of its client's enhanced authentication (4.12). */
export interface Authentication {
  /** The method of the CONNECT: no packet may name another one [MQTT-4.12.0-5]. */
  readonly method: string;
  readonly identity: ClientIdentity;
  /** The exchange that is going on, or null. */
  conversation: EnhancedConversation | null;
  /** Called with the outcome of the exchange that is going on. */
  onSuccess: (principal: Principal, data: Uint8Array | null) => void | Promise<void>;
}
