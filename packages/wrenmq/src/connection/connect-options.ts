import type { ConnectOptions, Credentials, SessionOptions } from '@wrenmq/client';
import { readContext } from '#context/context-file.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { type BrokerAddress, brokerAddress } from './broker-address.ts';
import type { ConnectionFlags } from './connection-flags.ts';
import { readCredentials } from './credentials.ts';
import { mergeFlags } from './merge-flags.ts';
import { readNumber } from './read-value.ts';
import { type PacketProperties, readProperties } from './properties.ts';
import { specialTransport } from './special-transport.ts';
import { tlsOptions } from './tls-options.ts';
import { willOptions } from './will-options.ts';

/** Where to connect to, and how: what `connect` and `createClient` take. */
export interface Connection {
  readonly url: string;
  readonly options: ConnectOptions;
  /** The topic that the URL names. */
  readonly topic: string | undefined;
  readonly properties: PacketProperties;
  /** The flags, with what the environment and the context add to them. */
  readonly flags: ConnectionFlags;
}

/** As mosquitto has it; more makes no difference to a tool. */
const INFLIGHT_DEFAULT = 20;
/** Never. */
const EXPIRY_MAX = 0xffff_ffff;

/**
 * What the flags ask for, completed by the environment and by the context (flag > environment > context > default). Reads the files that
 * they name, and asks for a password where `-P` has no value. Throws a CommandError that says what is wrong.
 */
export async function connectOptions(given: ConnectionFlags, environment: NodeJS.ProcessEnv = process.env): Promise<Connection> {
  if (typeof given.pw === 'string' && process.stderr.isTTY && given.quiet !== true)
    process.stderr.write('wrenmq: others on this machine can see a password on the command line; -P alone asks for it\n');
  const context = await readContext(given.context ?? environment['WRENMQ_CONTEXT'], environment);
  const flags = await resolveService(mergeFlags(given, environment, context));
  const address = brokerAddress(flags);
  const properties = readProperties(flags.property ?? []);
  const protocol = protocolOf(flags);
  if (protocol === '3.1.1' && (flags.property ?? []).length > 0) throw usage('-D is for MQTT 5: leave -V 311 out');
  const tls = address.isSecure ? await tlsOptions(flags) : undefined;
  const transport = specialTransport(flags, address, tls);
  const options: ConnectOptions = {
    protocol: (flags.property ?? []).length > 0 ? '5' : protocol,
    keepAlive: readNumber('--keepalive', flags.keepalive, { min: 0, max: 65_535 }) ?? 60,
    session: sessionOptions(flags, protocol),
    outbound: { maxInflight: readNumber('--max-inflight', flags.maxInflight, { min: 1, max: 65_535 }) ?? INFLIGHT_DEFAULT },
    ...clientIdOf(flags),
    ...(await credentialOptions(flags, address, properties)),
    ...(tls === undefined ? {} : { tls }),
    ...(transport === undefined ? {} : { transport }),
    ...willOptions(flags, properties),
    ...inboundOptions(properties),
    ...(properties.connect.userProperties.length > 0 ? { userProperties: properties.connect.userProperties } : {}),
  };
  return { url: address.url, options, topic: address.topic, properties, flags };
}

/** With -S: the host and port that the DNS names for the service. */
async function resolveService(flags: ConnectionFlags): Promise<ConnectionFlags> {
  if (flags.srv !== true) return flags;
  if (flags.host === undefined) throw usage('-S looks up the service of a domain: name it with -h');
  const { resolveSrv } = await import('node:dns/promises');
  const records = await resolveSrv(`_mqtt._tcp.${flags.host}`);
  const [{ name, port }] = records.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight);
  return { ...flags, host: name, port: String(port) };
}

function clientIdOf(flags: ConnectionFlags): { clientId?: string } {
  if (flags.id !== undefined && flags.idPrefix !== undefined) throw usage('-i and -I cannot be used together');
  if (flags.idPrefix !== undefined) return { clientId: `${flags.idPrefix}${process.pid}` };
  return flags.id === undefined ? {} : { clientId: flags.id };
}

function protocolOf(flags: ConnectionFlags): '5' | '3.1.1' | 'auto' {
  const version = flags.protocolVersion ?? 'auto';
  if (['5', 'mqttv5', '5.0'].includes(version)) return '5';
  if (['311', 'mqttv311', '3.1.1', '4'].includes(version)) return '3.1.1';
  if (version === 'auto') return 'auto';
  if (['31', 'mqttv31', '3.1', '3'].includes(version)) throw usage('-V 31: this client speaks MQTT 5 and 3.1.1, not 3.1');
  throw usage(`-V ${version}: no version of MQTT; use 5, 311 or auto`);
}

function sessionOptions(flags: ConnectionFlags, protocol: string): SessionOptions {
  const expiry = expiryOf(flags);
  if (flags.disableCleanSession !== true) return { resume: 'never', expiry: expiry ?? 0 };
  if (flags.id === undefined) throw usage('-c keeps the session of a client id: say which with -i');
  return { resume: 'always', expiry: expiry ?? (protocol === '3.1.1' ? 1 : EXPIRY_MAX) };
}

function expiryOf(flags: ConnectionFlags): number | undefined {
  const text = flags.sessionExpiryInterval;
  if (text === '∞') return EXPIRY_MAX;
  const seconds = readNumber('--session-expiry-interval', text, { min: -1, max: EXPIRY_MAX });
  return seconds === -1 ? EXPIRY_MAX : seconds;
}

async function credentialOptions(
  flags: ConnectionFlags,
  address: BrokerAddress,
  { connect }: PacketProperties,
): Promise<{ credentials?: Credentials }> {
  const { username, password } = await readCredentials(flags, address);
  const { authenticationMethod: method, authenticationData: data } = connect;
  if (username === undefined && password === undefined && method === undefined) return {};
  return {
    credentials: {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(method === undefined ? {} : { auth: { method, ...(data === undefined ? {} : { data }) } }),
    },
  };
}

function inboundOptions({ connect }: PacketProperties): Pick<ConnectOptions, 'inbound'> {
  const { receiveMaximum, maximumPacketSize } = connect;
  return {
    inbound: {
      ...(receiveMaximum === undefined ? {} : { receiveMaximum }),
      ...(maximumPacketSize === undefined ? {} : { maxPacketSize: maximumPacketSize }),
    },
  };
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
