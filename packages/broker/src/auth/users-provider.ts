import { ReasonCode } from '@wrenmq/codec';
import { OperationalError } from '#base/errors.ts';
import type { AuthenticationProvider, AuthenticationRequest, Verdict } from './authenticator.ts';
import { HASH_POOL_FULL } from './hash-pool.ts';
import type { PasswordVerifier } from './password-verifier.ts';
import type { UserDirectory } from './user-directory.ts';

const noPassword = new Uint8Array(0);

/** Lets in the users of the directory by their password; does not know anybody else, and takes the same time to say so. */
export class UsersProvider implements AuthenticationProvider {
  readonly name = 'users';
  readonly #users: UserDirectory;
  readonly #verifier: PasswordVerifier;

  constructor(users: UserDirectory, verifier: PasswordVerifier) {
    this.#users = users;
    this.#verifier = verifier;
  }

  async authenticate({ identity, password }: AuthenticationRequest): Promise<Verdict> {
    if (identity.username === null || this.#users.size === 0) return { kind: 'ignore' };
    const user = this.#users.find(identity.username);
    const hash = user?.passwordHash ?? this.#users.decoyHash;
    try {
      const isRight = await this.#verifier.verify(identity.username, hash, password ?? noPassword);
      if (user === undefined || user.passwordHash === null) return { kind: 'ignore' };
      // A reload while the hash was computed may have taken the user away.
      const isCurrent = this.#users.find(user.name) === user;
      if (isRight && password !== null && isCurrent) {
        return { kind: 'allow', grant: { username: user.name, isSuperuser: user.isSuperuser } };
      }
      return { kind: 'deny', reasonCode: ReasonCode.BadUserNameOrPassword, reason: 'wrong password' };
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== HASH_POOL_FULL) throw error;
      return { kind: 'deny', reasonCode: ReasonCode.ServerBusy, reason: error.message };
    }
  }
}
