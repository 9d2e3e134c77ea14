import { randomBytes } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/logger.ts';
import type { AccessRule } from './access-rule.ts';
import { compileRules } from './access-rule.ts';
import type { AnonymousPolicy } from './anonymous-provider.ts';
import { AnonymousProvider } from './anonymous-provider.ts';
import { AuthenticationChain } from './authentication-chain.ts';
import type { AuthenticationProvider } from './authenticator.ts';
import type { NoMatch } from './authorization-chain.ts';
import { AuthorizationChain } from './authorization-chain.ts';
import type { AuthorizationProvider } from './authorizer.ts';
import { BridgeStateProvider } from './bridge-state-provider.ts';
import type { CertificateUse } from './certificate-provider.ts';
import { CertificateProvider } from './certificate-provider.ts';
import { EnhancedAuthentication } from './enhanced-authentication.ts';
import type { EnhancedMethod } from './enhanced-method.ts';
import { FailureDamper } from './failure-damper.ts';
import { HashPool, type HashPoolLimits } from './hash-pool.ts';
import { readPasswordFile } from './password-file.ts';
import { PasswordVerifier } from './password-verifier.ts';
import { RulesProvider, defaultRules } from './rules-provider.ts';
import { ScramSha256 } from './scram-sha-256.ts';
import { UserDirectory } from './user-directory.ts';
import type { User } from './user.ts';
import { parseUser } from './user.ts';
import { UsersProvider } from './users-provider.ts';

/** Who gets in and what they may do, as the configuration says. */
export interface AccessSettings {
  readonly anonymous: AnonymousPolicy;
  readonly certificate: CertificateUse;
  readonly users: Readonly<Record<string, UserSettings>>;
  /** `isRequired`: without the file there is no start; otherwise a file that is missing has no users. Null: none. */
  readonly passwordFile: { readonly path: string; readonly isRequired: boolean } | null;
  /** Null: `defaultRules`. An empty list denies everything. */
  readonly rules: readonly AccessRule[] | null;
  readonly noMatch: NoMatch;
  /** Chains of their own, by listener name; what a chain does not name it does not accept. */
  readonly listeners: Readonly<Record<string, ListenerAccessSettings>>;
}

export interface UserSettings {
  /** From `hashPassword`. */
  readonly password?: string;
  /** From `makeScramCredential`. */
  readonly scram?: string;
  readonly superuser?: boolean;
}

export interface ListenerAccessSettings {
  readonly anonymous?: AnonymousPolicy;
  readonly certificate?: CertificateUse;
  /** Whether users may log in here, by password or SCRAM. */
  readonly users?: boolean;
}

/** Access on a laptop: everybody on loopback listeners, nobody elsewhere. */
export const defaultAccessSettings: AccessSettings = {
  anonymous: 'loopback',
  certificate: 'off',
  users: {},
  passwordFile: null,
  rules: null,
  noMatch: 'deny',
  listeners: {},
};

export interface AccessControlOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Keeps the salts of users who do not exist the same over restarts (at least 16 random bytes); by default new with each start. */
  readonly serverSecret?: Uint8Array;
  /** Asked before those of the configuration, on every listener. With one, credentials on open loopback listeners are no dummies. */
  readonly authenticationProviders?: readonly AuthenticationProvider[];
  /** Asked before the rules. */
  readonly authorizationProviders?: readonly AuthorizationProvider[];
  /** Besides SCRAM-SHA-256, on every listener. */
  readonly enhancedMethods?: readonly EnhancedMethod[];
}

/** What is wrong with the settings or the password file. */
export interface AccessProblem {
  /** `auth.rules[3].topics[0]`, or `FILE:LINE`. */
  readonly where: string;
  readonly message: string;
}

/** Everything that is wrong, at once; nothing of it was put to use. */
export class AccessSettingsError extends Error {
  readonly problems: readonly AccessProblem[];

  constructor(problems: readonly AccessProblem[]) {
    super(problems.map(({ where, message }) => `${where}: ${message}`).join('\n'));
    this.name = 'AccessSettingsError';
    this.problems = problems;
  }
}

const PROVIDER_TIMEOUT_MS = 5000;
const hashPoolLimits: HashPoolLimits = {
  // Node's pool has four threads, and the store needs some of them.
  concurrentMax: 2,
  waitingMax: 128,
  // Less than the provider's time: who waits in vain is told that the broker is busy, and no provider has failed.
  waitMsMax: 4000,
};
const SUCCESSES_REMEMBERED_MAX = 20_000;

/** Puts the house's providers together and replaces them as a whole: the three chains stay the same objects over reloads. */
export class AccessControl {
  readonly authentication: AuthenticationChain;
  readonly enhanced: EnhancedAuthentication;
  readonly authorization: AuthorizationChain;
  readonly #options: AccessControlOptions;
  readonly #users = new UserDirectory();
  readonly #verifier: PasswordVerifier;
  readonly #scram: ScramSha256;
  #isPasswordFileThere = false;

  /** Refuses everybody until the first `load`. */
  constructor(options: AccessControlOptions) {
    const { clock, log } = options;
    const damper = new FailureDamper(clock);
    this.#options = options;
    this.#verifier = new PasswordVerifier(new HashPool(clock, hashPoolLimits), SUCCESSES_REMEMBERED_MAX);
    this.authentication = new AuthenticationChain({ clock, log, damper, timeoutMs: PROVIDER_TIMEOUT_MS });
    this.enhanced = new EnhancedAuthentication({ clock, log, damper, timeoutMs: PROVIDER_TIMEOUT_MS });
    this.authorization = new AuthorizationChain({ clock, log, timeoutMs: PROVIDER_TIMEOUT_MS });
    this.#scram = new ScramSha256({ users: this.#users, serverSecret: options.serverSecret ?? randomBytes(32) });
  }

  /**
   * Reads the password file and puts the settings to use, all or nothing: rejects with AccessSettingsError (everything that is
   * wrong) or OperationalError (the file cannot be read), and then what was in use stays so. Returns the users who are gone or
   * whose superuser right changed: whoever is connected as one of them must be disconnected.
   */
  async load(settings: AccessSettings): Promise<{ readonly revokedUsers: readonly string[] }> {
    const problems: AccessProblem[] = [];
    const users = new Map<string, User>();
    const isPasswordFileThere = await this.#readFile(settings, users, problems);
    collectUsers(settings.users, users, problems);
    const rules = settings.rules ?? defaultRules;
    for (const { path, message } of compileRules(rules).problems) problems.push({ where: `auth.rules${path}`, message });
    if (problems.length > 0) throw new AccessSettingsError(problems);
    this.#isPasswordFileThere = isPasswordFileThere;
    const revokedUsers = this.#users.replace(users);
    this.#verifier.forget();
    this.#replaceChains(settings);
    const providers = [...(this.#options.authorizationProviders ?? []), new RulesProvider(rules)];
    // Where rules of the owner's own deny what they do not name, they must name this, too.
    if (settings.rules === null || settings.noMatch === 'allow') providers.push(new BridgeStateProvider());
    this.authorization.replace(providers, settings.noMatch);
    return { revokedUsers };
  }

  /** Returns whether there is a file. */
  async #readFile(settings: AccessSettings, users: Map<string, User>, problems: AccessProblem[]): Promise<boolean> {
    const { passwordFile } = settings;
    if (passwordFile === null) return false;
    const file = await readPasswordFile(passwordFile.path);
    if (file === null) {
      if (passwordFile.isRequired) problems.push({ where: passwordFile.path, message: 'the password file does not exist' });
      return false;
    }
    for (const { line, message } of file.problems) problems.push({ where: `${passwordFile.path}:${line}`, message });
    for (const [name, user] of file.users) users.set(name, user);
    if (file.isReadableByOthers) {
      this.#options.log.warn({ path: passwordFile.path }, 'everybody on this machine can read the password file: chmod 600 mends it');
    }
    return true;
  }

  #replaceChains(settings: AccessSettings): void {
    const common = [...(this.#options.authenticationProviders ?? [])];
    const methods = [...(this.#options.enhancedMethods ?? [])];
    const providersByListener = new Map<string, AuthenticationProvider[]>();
    const methodsByListener = new Map<string, EnhancedMethod[]>();
    for (const [listener, own] of Object.entries(settings.listeners)) {
      providersByListener.set(listener, [...common, ...this.#buildChain(own)]);
      methodsByListener.set(listener, own.users === true ? [...methods, this.#scram] : methods);
    }
    const { anonymous, certificate } = settings;
    const everywhere = [...common, ...this.#buildChain({ anonymous, certificate, users: true })];
    this.authentication.replace({ everywhere, byListener: providersByListener });
    this.enhanced.replace({ everywhere: [...methods, this.#scram], byListener: methodsByListener });
  }

  // ORDER: anonymous comes last, where only credentials that nobody took are left.
  #buildChain(own: ListenerAccessSettings): AuthenticationProvider[] {
    const chain: AuthenticationProvider[] = [new CertificateProvider(own.certificate ?? 'off')];
    if (own.users === true) chain.push(new UsersProvider(this.#users, this.#verifier));
    chain.push(new AnonymousProvider(own.anonymous ?? 'never', () => this.#canCheckCredentials()));
    return chain;
  }

  #canCheckCredentials(): boolean {
    // A password file whose last user is gone still means that this broker checks.
    return this.#users.size > 0 || this.#isPasswordFileThere || (this.#options.authenticationProviders ?? []).length > 0;
  }
}

function collectUsers(written: AccessSettings['users'], users: Map<string, User>, problems: AccessProblem[]): void {
  for (const [name, { password, scram, superuser }] of Object.entries(written)) {
    const where = `auth.users.${name}`;
    const user = parseUser({ name, hash: password ?? null, scram: scram ?? null, isSuperuser: superuser === true });
    if (Array.isArray(user)) for (const message of user) problems.push({ where, message: `the user ${message}` });
    else if (users.has(name)) problems.push({ where, message: 'the user is in the password file as well: keep one of them' });
    else users.set(name, user);
  }
}
