import type { PasswordHash } from './password-hash.ts';
import { createDecoyHash, hashCost } from './password-hash.ts';
import type { User } from './user.ts';

/** Who may log in. Replaced as a whole, so that a reload is all or nothing. */
export class UserDirectory {
  #users: ReadonlyMap<string, User> = new Map();
  #decoyHash = createDecoyHash(null);

  get size(): number {
    return this.#users.size;
  }

  /** Verified against when there is no such user, at the price of the commonest hash: the time tells nothing. */
  get decoyHash(): PasswordHash {
    return this.#decoyHash;
  }

  find(name: string): User | undefined {
    return this.#users.get(name);
  }

  /** Returns the names of those who are gone or whose superuser right changed. */
  replace(users: ReadonlyMap<string, User>): string[] {
    const revoked: string[] = [];
    for (const { name, isSuperuser } of this.#users.values()) {
      if (users.get(name)?.isSuperuser !== isSuperuser) revoked.push(name);
    }
    this.#users = users;
    this.#decoyHash = createDecoyHash(commonestHash(users));
    return revoked;
  }
}

function commonestHash(users: ReadonlyMap<string, User>): PasswordHash | null {
  const counts = new Map<string, number>();
  let commonest: PasswordHash | null = null;
  let most = 0;
  for (const { passwordHash } of users.values()) {
    if (passwordHash === null) continue;
    const cost = hashCost(passwordHash);
    const count = (counts.get(cost) ?? 0) + 1;
    counts.set(cost, count);
    if (count <= most) continue;
    most = count;
    commonest = passwordHash;
  }
  return commonest;
}
