import { ReasonCode } from '@wrenmq/codec';
import type { AuthenticationProvider, AuthenticationRequest, Verdict } from './authenticator.ts';

/** What the common name of a verified client certificate stands for. */
export type CertificateUse = 'off' | 'username' | 'clientId';

/**
 * Lets in who shows a certificate that TLS has verified. The common name becomes the user name or the client id, whatever the
 * client sent; sessions belong to the certificate's name.
 */
export class CertificateProvider implements AuthenticationProvider {
  readonly name = 'certificate';
  readonly #use: CertificateUse;

  constructor(use: CertificateUse) {
    this.#use = use;
  }

  authenticate({ identity }: AuthenticationRequest): Verdict {
    const commonName = identity.certificateCommonName;
    if (this.#use === 'off' || commonName === null) return { kind: 'ignore' };
    if (commonName === '') return refuse('the client certificate has no common name');
    if (/\p{Cc}/u.test(commonName)) return refuse('the common name of the client certificate has a control character');
    if (!commonName.isWellFormed()) return refuse('the common name of the client certificate is not well-formed Unicode');
    const owner = `cert:${commonName}`;
    if (this.#use === 'username') return { kind: 'allow', grant: { username: commonName, owner } };
    return { kind: 'allow', grant: { username: null, clientId: commonName, owner } };
  }
}

function refuse(reason: string): Verdict {
  return { kind: 'deny', reasonCode: ReasonCode.NotAuthorized, reason };
}
