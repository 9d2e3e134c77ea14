import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { systemClock } from '#base/clock.ts';
import { tempDirectory } from '@wrenmq/testkit/temp-directory.ts';
import { ensureLocalAuthority, issueClientCertificate, type LocalAuthority } from './local-authority.ts';
import { listenerDefaults, type ListenerOptions, tlsDefaults, type TlsListenerOptions } from './listener-options.ts';
import { anyPort, type TestDoor } from './test-door.ts';

/** For tests: a broker's own authority in a directory of its own, options of listeners that use it, and clients that trust it. */
export class TlsRig implements AsyncDisposable {
  readonly path: string;
  readonly authority: LocalAuthority;
  readonly ca: string;
  readonly #remove: () => Promise<void>;

  private constructor(path: string, authority: LocalAuthority, ca: string, remove: () => Promise<void>) {
    this.path = path;
    this.authority = authority;
    this.ca = ca;
    this.#remove = remove;
  }

  static async create(): Promise<TlsRig> {
    const directory = await tempDirectory();
    const authority = await ensureLocalAuthority({ directory: directory.path, names: [], addresses: [], clock: systemClock });
    return new TlsRig(directory.path, authority, await readFile(authority.caPath, 'utf8'), () => directory.remove());
  }

  tls(more: Partial<TlsListenerOptions> = {}): TlsListenerOptions {
    const { certPath, keyPath } = this.authority;
    return { ...tlsDefaults, certificates: [{ certPath, keyPath, keyPassphrase: null, serverNames: [] }], ...more };
  }

  options(more: Partial<TlsListenerOptions> = {}): ListenerOptions {
    return { ...listenerDefaults, kind: 'tls', name: 'tls.test', bind: anyPort, tls: this.tls(more) };
  }

  withClients(clientCertificates: 'optional' | 'required', more: Partial<TlsListenerOptions> = {}): ListenerOptions {
    return this.options({ clientCertificates, caPath: this.authority.caPath, ...more });
  }

  connect(door: TestDoor, more: tls.ConnectionOptions = {}): tls.TLSSocket {
    return tls.connect({ ...door.address, ca: this.ca, servername: 'localhost', ...more });
  }

  client(commonName: string): Promise<{ cert: string; key: string }> {
    return issueClientCertificate({ directory: this.path, commonName, clock: systemClock });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#remove();
  }
}
