import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM files and their contents. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  readonly commonName: string;
  /** Subject alternative names: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly alternativeNames?: readonly string[];
  readonly days?: number;
}

/** An authority of a test's own, in a directory of the test; made with the openssl command. */
export class TestAuthority {
  readonly certificate: Certificate;
  #count = 0;

  private constructor(certificate: Certificate) {
    this.certificate = certificate;
  }

  static async create(directory: string, commonName = 'WrenMQ test authority'): Promise<TestAuthority> {
    const base = join(directory, `authority-${commonName.replaceAll(/\W+/g, '-')}`);
    const [certFile, keyFile] = [`${base}.crt`, `${base}.key`];
    await run('openssl', ['req', '-x509', ...newKey(keyFile), '-out', certFile, '-days', '2', '-subj', `/CN=${commonName}`]);
    return new TestAuthority(await load(certFile, keyFile));
  }

  /** A certificate signed by this authority, for a server or a client. */
  async issue({ commonName, alternativeNames = [], days = 2 }: CertificateOptions): Promise<Certificate> {
    this.#count += 1;
    // Authorities may share a directory: each names its certificates after itself.
    const base = `${this.certificate.certFile.replace(/\.crt$/, '')}-certificate-${this.#count}`;
    const [certFile, keyFile, requestFile, extensionFile] = [`${base}.crt`, `${base}.key`, `${base}.csr`, `${base}.ext`];
    const names = alternativeNames.length === 0 ? '' : `subjectAltName=${alternativeNames.join(',')}\n`;
    await writeFile(extensionFile, `basicConstraints=CA:FALSE\n${names}`);
    await run('openssl', ['req', ...newKey(keyFile), '-out', requestFile, '-subj', `/CN=${commonName}`]);
    const authority = ['-CA', this.certificate.certFile, '-CAkey', this.certificate.keyFile, '-CAcreateserial'];
    await run('openssl', [
      'x509',
      '-req',
      '-in',
      requestFile,
      ...authority,
      '-out',
      certFile,
      '-days',
      `${days}`,
      '-extfile',
      extensionFile,
    ]);
    return load(certFile, keyFile);
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}

async function load(certFile: string, keyFile: string): Promise<Certificate> {
  return { certFile, keyFile, cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
}
