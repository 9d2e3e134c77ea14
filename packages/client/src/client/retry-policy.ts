import { type Backoff, backoffDelay } from '#base/backoff.ts';
import type { MqttError } from '#base/mqtt-error.ts';
import type { ReconnectOptions } from './connect-options.ts';
import type { ConnectionEnd } from './driver.ts';

/** With these a further attempt cannot end otherwise. */
const finalCodes: ReadonlySet<number> = new Set([
  0x84, // Unsupported Protocol Version
  0x85, // Client Identifier not valid
  0x8a, // Banned
  0x8c, // Bad authentication method
  0x8e, // Session taken over: two clients of one name would throw each other out for ever
  0x90, // Topic Name invalid: the will's
  0x99, // Payload format invalid: the will's
  0x9a, // Retain not supported
  0x9b, // QoS not supported
  0x9d, // Server moved
]);
const badUserNameOrPassword = 0x86;
const notAuthorized = 0x87;
/** A connection of this age is a success; a younger one does not shorten the delay, or a broker that throws us out would be stormed. */
const healthyMs = 10_000;

/** When to try again, and whether. */
export class RetryPolicy {
  readonly #options: ReconnectOptions;
  readonly #backoff: Backoff;
  readonly #servers: number;
  /** Other credentials may come the next time. */
  readonly #renewsCredentials: boolean;
  #failures = 0;

  constructor(options: ReconnectOptions, servers: number, renewsCredentials: boolean) {
    const { minDelay = 500, maxDelay = 60_000, factor = 2, jitter = 'full' } = options;
    this.#options = options;
    this.#backoff = { minDelay, maxDelay, factor, jitter };
    this.#servers = servers;
    this.#renewsCredentials = renewsCredentials;
  }

  /**
   * An attempt has failed or a connection has ended; redirected: the next attempt goes where the broker has sent us.
   * @returns the milliseconds to wait; undefined: give up.
   */
  next({ error, onlineMs = 0 }: ConnectionEnd, isRedirected: boolean, random: () => number): number | undefined {
    if (onlineMs >= healthyMs) this.#failures = 0;
    this.#failures += 1;
    const { maxAttempts = Infinity, retry } = this.#options;
    if (this.#failures > maxAttempts) return undefined;
    if (!(retry?.(error, this.#failures) ?? (isRedirected || this.#mayHelp(error)))) return undefined;
    // One round over the servers counts as one failure.
    return backoffDelay(this.#backoff, Math.ceil(this.#failures / this.#servers), random);
  }

  #mayHelp({ code, reasonCode = 0 }: MqttError): boolean {
    if (code === 'INVALID' || code === 'NOT_SUPPORTED') return false;
    if (reasonCode === badUserNameOrPassword || reasonCode === notAuthorized) return this.#renewsCredentials;
    return !finalCodes.has(reasonCode);
  }
}
