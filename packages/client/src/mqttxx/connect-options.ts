import { MqttError } from '#base/mqtt-error.ts';
import type { ConnectOptions, TlsOptions } from '#client/connect-options.ts';
import { type MQTTConfig, type PemSource, ReconnectConfig, TLSConfig } from './config.ts';

const neverExpires = 0xffff_ffff;

export function brokerUrl({ brokerHost, brokerPort, tls }: MQTTConfig): string {
  const host = brokerHost.includes(':') ? `[${brokerHost}]` : brokerHost;
  return `${tls.enabled ? 'mqtts' : 'mqtt'}://${host}:${brokerPort}`;
}

/** What the client below wants to be told. Rejects when a file of `tls` cannot be read. */
export async function connectOptions(config: MQTTConfig): Promise<ConnectOptions> {
  const { clientId, keepalive, cleanSession, auth, maxQueuedMessages, protocol } = config;
  const { enabled, interval, maxAttempts, backoffMultiplier, maxInterval } = new ReconnectConfig(config.reconnect);
  const isKept = !cleanSession && clientId !== '';
  return {
    protocol,
    keepAlive: keepalive,
    session: isKept ? { resume: 'always', expiry: neverExpires } : { resume: 'never', expiry: 0 },
    reconnect: enabled && {
      minDelay: interval * 1000,
      maxDelay: maxInterval * 1000,
      factor: backoffMultiplier,
      ...(maxAttempts > 0 && { maxAttempts }),
    },
    outbound: { maxQueued: maxQueuedMessages || Number.MAX_SAFE_INTEGER },
    ...(clientId !== '' && { clientId }),
    ...(auth.username !== undefined && {
      credentials: { username: auth.username, ...(auth.password !== undefined && { password: auth.password }) },
    }),
    ...(config.tls.enabled && { tls: await tlsOptions(new TLSConfig(config.tls)) }),
  };
}

async function tlsOptions({ caCerts, certfile, keyfile, verifyMode, checkHostname, serverName }: TLSConfig): Promise<TlsOptions> {
  const rejectUnauthorized = verifyMode !== 'CERT_NONE';
  if (rejectUnauthorized && !checkHostname)
    throw new MqttError(
      'INVALID',
      'checkHostname: false would trust any certificate of the authority; name the expected one in serverName',
    );
  const [ca, cert, key] = await Promise.all([caCerts, certfile, keyfile].map(readPem));
  return {
    rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }),
  };
}

async function readPem(source: PemSource | undefined): Promise<PemSource | undefined> {
  if (typeof source !== 'string' || source.includes('-----BEGIN')) return source;
  // Browsers have no files, and no use for this.
  const { readFile } = await import('node:fs/promises');
  return readFile(source);
}
