/** Options with mqttxx's names in camelCase and its defaults. Times are in seconds, as there. */
type Given<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

/** A certificate or key: the path of a PEM file, or PEM itself. */
export type PemSource = string | Uint8Array;

export class TLSConfig {
  enabled = false;
  caCerts: PemSource | undefined = undefined;
  certfile: PemSource | undefined = undefined;
  keyfile: PemSource | undefined = undefined;
  /** 'CERT_NONE' trusts anybody. 'CERT_OPTIONAL' is 'CERT_REQUIRED', as for every client in Python. */
  verifyMode: 'CERT_REQUIRED' | 'CERT_OPTIONAL' | 'CERT_NONE' = 'CERT_REQUIRED';
  /** False is possible with 'CERT_NONE' only; to expect another name than the host's, set `serverName`. */
  checkHostname = true;
  /** Not in mqttxx: the name that the certificate must carry. */
  serverName: string | undefined = undefined;

  constructor(fields: Given<TLSConfig> = {}) {
    assign(this, fields);
  }
}

export class AuthConfig {
  username: string | undefined = undefined;
  password: string | undefined = undefined;

  constructor(fields: Given<AuthConfig> = {}) {
    assign(this, fields);
  }
}

/** Delays are taken at random between 0 and what these say, so that clients do not return all at once. */
export class ReconnectConfig {
  enabled = true;
  /** Seconds before the first attempt. */
  interval = 5;
  /** 0: no end. */
  maxAttempts = 0;
  backoffMultiplier = 1.5;
  /** Seconds. */
  maxInterval = 60;

  constructor(fields: Given<ReconnectConfig> = {}) {
    assign(this, fields);
  }
}

/** Where warnings and errors go that no promise tells: `console`, or any logger like it. */
export interface Logger {
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/**
 * What MQTTClient is made with. Only `brokerHost` is required; everything else has mqttxx's defaults.
 *
 *     const config = new MQTTConfig({
 *       brokerHost: 'broker.example',
 *       tls: new TLSConfig({ enabled: true, caCerts: '/etc/ssl/ca.pem' }),
 *       auth: new AuthConfig({ username: 'device', password: 'secret' }),
 *       reconnect: new ReconnectConfig({ interval: 1, maxInterval: 30 }),
 *     });
 *     console.log(config.keepalive); // 60 seconds
 */
export class MQTTConfig {
  brokerHost: string;
  brokerPort = 1883;
  /** '' has one made up; then the session starts clean, whatever `cleanSession` says. */
  clientId = '';
  /** Seconds. */
  keepalive = 60;
  /** False: the broker keeps the session, without end, for the next connection under the same id. */
  cleanSession = false;
  /** Messages that wait to be sent; 0: 64 MiB of them. */
  maxQueuedMessages = 0;
  /** Bytes. Larger messages are dropped, with a warning. */
  maxPayloadSize = 1024 * 1024;
  /** Messages that wait for the handlers of a pattern; then the connection is read no further. */
  messageQueueMaxsize = 100_000;
  /** Messages in the handlers of a pattern at once, those of a topic always in order. Undefined: twice the processors. */
  numWorkers: number | undefined = undefined;
  tls: Given<TLSConfig> = new TLSConfig();
  auth: Given<AuthConfig> = new AuthConfig();
  reconnect: Given<ReconnectConfig> = new ReconnectConfig();
  /** Not in mqttxx: 'auto' is MQTT 5, and 3.1.1 where the broker has no 5. */
  protocol: '5' | '3.1.1' | 'auto' = 'auto';
  /** Not in mqttxx, which has loguru. */
  logger: Logger = console;

  constructor(fields: MQTTConfigFields) {
    this.brokerHost = fields.brokerHost;
    assign(this, fields);
  }
}

export type MQTTConfigFields = Given<MQTTConfig> & { readonly brokerHost: string };

export class RPCConfig {
  /** Seconds. */
  defaultTimeout = 30;
  maxConcurrentCalls = 100;

  constructor(fields: Given<RPCConfig> = {}) {
    assign(this, fields);
  }
}

/** What is undefined keeps its default. */
function assign(target: object, fields: object): void {
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) Object.assign(target, { [key]: value });
}
