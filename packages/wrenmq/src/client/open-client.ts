import type { ConnectOptions, MqttClient } from '@wrenmq/client';
import type { Connection } from '#connection/connect-options.ts';

export interface OpenOptions {
  /** Connects again when the connection is lost; the first attempt is the only one in any case. */
  readonly isPersistent: boolean;
  readonly signal: AbortSignal;
  readonly inbound?: ConnectOptions['inbound'];
}

/** Connects as the flags say, and tells about it with -d. */
export async function openClient(connection: Connection, { isPersistent, signal, inbound }: OpenOptions): Promise<MqttClient> {
  const { createClient } = await import('@wrenmq/client');
  const debug = debugLog(connection);
  let wasOnline = false;
  const client = createClient(connection.url, {
    ...connection.options,
    inbound: { ...inbound, ...connection.options.inbound },
    reconnect: isPersistent ? { retry: (error) => wasOnline && error.retryable } : false,
  });
  client.on('online', ({ sessionPresent }) => {
    wasOnline = true;
    const version = client.protocolVersion === 5 ? '5' : '3.1.1';
    debug(`connected to ${connection.url} with MQTT ${version} as '${client.clientId}'${sessionPresent ? ', session resumed' : ''}`);
  });
  client.on('offline', ({ error, willRetryIn }) => {
    const next = willRetryIn === undefined ? '' : `; next attempt in ${Math.ceil(willRetryIn)} ms`;
    debug(`${error?.message ?? 'disconnected'}${next}`);
  });
  client.on('sessionlost', () => debug('the broker had forgotten the session'));
  try {
    await client.online({ signal });
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

/** Writes a line on standard error when -d is given. */
export function debugLog({ flags }: Pick<Connection, 'flags'>): (line: string) => void {
  return flags.debug === true ? (line) => void process.stderr.write(`${line}\n`) : () => {};
}
