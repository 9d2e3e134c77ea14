import { ReasonCode } from '@wrenmq/codec';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/logger.ts';
import type { AuthenticationOutcome, AuthenticationProvider, AuthenticationRequest, Authenticator, Verdict } from './authenticator.ts';
import type { ClientIdentity } from './client-identity.ts';
import { createPrincipal, isGrant } from './client-identity.ts';
import type { FailureDamper } from './failure-damper.ts';
import { withinDeadline } from './within-deadline.ts';

export interface AuthenticationChainOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly damper: FailureDamper;
  /** How long one provider may take. */
  readonly timeoutMs: number;
}

/** Who is asked, in order: by listeners with a chain of their own, and by all others. */
export interface ProviderTable {
  readonly everywhere: readonly AuthenticationProvider[];
  /** Replaces `everywhere` for the listener of that name. */
  readonly byListener: ReadonlyMap<string, readonly AuthenticationProvider[]>;
}

const nobody: ProviderTable = { everywhere: [], byListener: new Map() };

/**
 * Asks providers in order; the first that does not ignore the client decides. When all ignore it, it is refused: with 0x86 when it
 * showed credentials (so that an unknown user looks like a wrong password), with 0x87 when it showed none.
 */
export class AuthenticationChain implements Authenticator {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #damper: FailureDamper;
  readonly #timeoutMs: number;
  #providers = nobody;

  constructor(options: AuthenticationChainOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#damper = options.damper;
    this.#timeoutMs = options.timeoutMs;
  }

  /** Decides for clients from now on; who is being authenticated finishes with the providers it began with. */
  replace(providers: ProviderTable): void {
    this.#providers = providers;
  }

  async authenticate(identity: ClientIdentity, password: Uint8Array | null): Promise<AuthenticationOutcome> {
    const showsCredentials = identity.username !== null || password !== null;
    if (!showsCredentials) return this.#decide(identity, password);
    const username = identity.username ?? '';
    if (this.#damper.isLocked(identity, username)) {
      return deny(ReasonCode.ConnectionRateExceeded, 'too many wrong passwords from this address: locked for a while');
    }
    const outcome = await this.#decide(identity, password);
    if (outcome.kind === 'allow') this.#damper.recordSuccess(identity, username);
    else if (outcome.reasonCode === ReasonCode.BadUserNameOrPassword) this.#damper.recordFailure(identity, username);
    return outcome;
  }

  async #decide(identity: ClientIdentity, password: Uint8Array | null): Promise<AuthenticationOutcome> {
    const abort = new AbortController();
    const request = { identity, password, signal: abort.signal };
    const { byListener, everywhere } = this.#providers;
    for (const provider of byListener.get(identity.listener) ?? everywhere) {
      const verdict = await this.#ask(provider, request, abort);
      if (verdict.kind === 'allow') return { kind: 'allow', principal: createPrincipal(identity, verdict.grant) };
      if (verdict.kind === 'deny') return deny(verdict.reasonCode, `${provider.name}: ${verdict.reason}`);
    }
    if (identity.username === null && password === null) {
      return deny(ReasonCode.NotAuthorized, 'clients without credentials are not accepted on this listener');
    }
    return deny(ReasonCode.BadUserNameOrPassword, 'unknown user name or wrong password');
  }

  async #ask(provider: AuthenticationProvider, request: AuthenticationRequest, abort: AbortController): Promise<Verdict> {
    try {
      // Inside a promise, so that a provider that throws at once is caught like one that rejects.
      const answer = new Promise<Verdict>((resolve) => resolve(provider.authenticate(request)));
      const verdict = await withinDeadline(this.#clock, this.#timeoutMs, answer);
      if (isVerdict(verdict)) return verdict;
      this.#log.error({ provider: provider.name }, 'an authentication provider gave an answer that makes no sense: the client is refused');
    } catch (error) {
      abort.abort();
      this.#log.error({ provider: provider.name, err: error }, 'an authentication provider failed: the client is refused');
    }
    return { kind: 'deny', reasonCode: ReasonCode.NotAuthorized, reason: 'the provider failed' };
  }
}

function deny(reasonCode: ReasonCode, reason: string): AuthenticationOutcome {
  return { kind: 'deny', reasonCode, reason };
}

/** Providers come from outside as well, so that their types are no proof. */
function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null) return false;
  const verdict = value as { kind?: unknown; grant?: unknown; reasonCode?: unknown; reason?: unknown };
  if (verdict.kind === 'ignore') return true;
  if (verdict.kind === 'deny') return isFailureCode(verdict.reasonCode) && typeof verdict.reason === 'string';
  return verdict.kind === 'allow' && isGrant(verdict.grant);
}

function isFailureCode(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0x80 && value <= 0xff;
}
