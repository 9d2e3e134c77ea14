import type { AuthenticationProvider, AuthenticationRequest, Verdict } from './authenticator.ts';

/** Where clients without credentials get in: on listeners bound to loopback, everywhere, or nowhere. */
export type AnonymousPolicy = 'loopback' | 'always' | 'never';

/**
 * Lets in who shows no credentials, where the policy permits. Wrong credentials never fall back to anonymous, and an empty user
 * name is a user name. Only where nobody could be checked at all (a loopback listener of a broker that knows no users) are
 * credentials ignored, because many scripts send dummies; the name that was sent proves nothing and is not kept in the principal.
 */
export class AnonymousProvider implements AuthenticationProvider {
  readonly name = 'anonymous';
  readonly #policy: AnonymousPolicy;
  readonly #canCheckCredentials: () => boolean;

  constructor(policy: AnonymousPolicy, canCheckCredentials: () => boolean) {
    this.#policy = policy;
    this.#canCheckCredentials = canCheckCredentials;
  }

  authenticate({ identity, password }: AuthenticationRequest): Verdict {
    const isPermitted = this.#policy === 'always' || (this.#policy === 'loopback' && identity.isLoopbackListener);
    if (!isPermitted) return { kind: 'ignore' };
    const showsCredentials = identity.username !== null || password !== null;
    if (showsCredentials && (!identity.isLoopbackListener || this.#canCheckCredentials())) return { kind: 'ignore' };
    return { kind: 'allow', grant: { username: null } };
  }
}
