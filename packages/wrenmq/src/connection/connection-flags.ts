import { type Command, Option } from 'commander';
import { readVersion } from '#version.ts';

/** What commander makes of the flags that say which broker to connect to, and how. */
export interface ConnectionFlags {
  readonly url?: string;
  readonly host?: string;
  readonly port?: string;
  readonly unix?: string;
  /** The path, or true for the usual one. */
  readonly ws?: string | true;
  readonly context?: string;
  readonly config?: string;
  readonly id?: string;
  readonly idPrefix?: string;
  readonly protocolVersion?: string;
  readonly keepalive?: string;
  readonly disableCleanSession?: true;
  readonly sessionExpiryInterval?: string;
  readonly maxInflight?: string;
  readonly username?: string;
  /** True asks for it. */
  readonly pw?: string | true;
  readonly passwordFile?: string;
  readonly passwordEnv?: string;
  readonly passwordStdin?: true;
  /** Each is one -D: the packet, the property, its value. */
  readonly property?: readonly string[];
  readonly willTopic?: string;
  readonly willPayload?: string;
  readonly willQos?: string;
  readonly willRetain?: true;
  readonly cafile?: string;
  readonly capath?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly keyform?: string;
  readonly keypassFile?: string;
  readonly insecure?: true;
  readonly tls?: boolean;
  readonly tlsAlpn?: string;
  readonly tlsVersion?: string;
  readonly ciphers?: string;
  readonly psk?: string;
  readonly pskFile?: string;
  readonly pskIdentity?: string;
  readonly tlsEngine?: string;
  readonly tlsEngineKpassSha1?: string;
  readonly tlsUseOsCerts?: true;
  readonly tlsKeylog?: string;
  readonly bind?: string;
  readonly nodelay?: true;
  readonly proxy?: string;
  readonly srv?: true;
  readonly debug?: true;
  readonly exitWithReason?: true;
  readonly quiet?: true;
}

/** What the values of a repeated flag become. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Gives a command the flags of mosquitto for its connection, and some more. `connectOptions` makes of them what the client takes. */
export function addConnectionFlags(command: Command): Command {
  addBrokerFlags(command.optionsGroup('Broker:'));
  addSessionFlags(command.optionsGroup('Session:'));
  addTlsFlags(command.optionsGroup('TLS:'));
  addWillFlags(command.optionsGroup('Will:'));
  return command
    .optionsGroup('Other:')
    .option('-d, --debug', 'tell on standard error what happens')
    .option('--quiet', 'print no errors')
    .version(readVersion(), '--version', 'print the version')
    .option('--exit-with-reason', "a refused connection ends with the broker's reason code, as in mosquitto's tools");
}

function addBrokerFlags(command: Command): void {
  command
    .option('-L, --url <url>', 'mqtt://, mqtts://, ws:// or wss://[user[:password]@]host[:port][/topic]')
    .option('-h, --host <host>', 'default: localhost')
    .option('-p, --port <port>', 'default: 1883; 8883 with TLS, 8083 and 8084 with WebSocket')
    .option('--unix <path>', 'a Unix socket in place of host and port')
    .option('--ws [path]', 'WebSocket; the path is /mqtt if none is named')
    .option('--context <name>', 'a saved connection (wrenmq context); also WRENMQ_CONTEXT')
    .option('-o, --config <file>', 'a file with one flag per line')
    .option('-A, --bind <address>', 'the local address to connect from')
    .option('--nodelay', 'send small packets at once; always so here')
    .option('--proxy <url>', 'socks5h://[user[:password]@]host[:port]')
    .addOption(new Option('-S, --srv', 'find the broker by a DNS SRV record').hideHelp());
}

function addSessionFlags(command: Command): void {
  command
    .option('-i, --id <id>', 'client id; default: the broker chooses')
    .option('-I, --id-prefix <prefix>', 'client id: this and the process id')
    .option('-u, --username <name>', 'also WRENMQ_USERNAME')
    .option('-P, --pw [password]', 'others on this machine may see it; without a value it is asked for')
    .option('--password-file <file>', 'take the password from the first line of a file')
    .option('--password-env <name>', 'take the password from this variable; default: WRENMQ_PASSWORD')
    .option('--password-stdin', 'take the password from the first line of standard input')
    .option('-V, --protocol-version <version>', '5, 311 or auto; default: auto, which is 5, and 3.1.1 for brokers without')
    .option('-k, --keepalive <seconds>', 'default: 60')
    .option('-c, --disable-clean-session', 'keep the session; needs --id')
    .option('-x, --session-expiry-interval <seconds>', 'how long the broker keeps the session; -1: for ever')
    .option('-M, --max-inflight <count>', 'messages of QoS 1 and 2 that wait for their acknowledgement; default: 20')
    .option(
      '-D, --property <packet name value>',
      'a property of MQTT 5: connect, publish, subscribe, unsubscribe, disconnect or will',
      collect,
    );
}

function addTlsFlags(command: Command): void {
  command
    .option('--cafile <file>', 'certificates of the authorities to trust (PEM)')
    .option('--capath <directory>', 'a directory of such files')
    .option('--cert <file>', 'our certificate (PEM)')
    .option('--key <file>', 'its private key (PEM)')
    .option('--keypass-file <file>', 'the passphrase of the key is the first line of this file')
    .option('--insecure', 'do not check that the certificate names the host; without --cafile: do not check it at all')
    .option('--no-tls', 'no TLS, whatever the port')
    .option('--tls-alpn <protocol>', 'the application protocol to ask for')
    .option('--tls-version <version>', 'tlsv1.2 or tlsv1.3')
    .option('--ciphers <list>', 'ciphers in the notation of OpenSSL')
    .option('--psk <hex>', 'a pre-shared key in place of certificates')
    .option('--psk-file <file>', 'the key is the first line of this file')
    .option('--psk-identity <identity>', 'the name of that key')
    .option('--tls-keylog <file>', 'append the secrets of the connection there, with which Wireshark can read it')
    .option('--tls-use-os-certs', "trust the operating system's authorities")
    .addOption(new Option('--keyform <form>', 'pem').hideHelp())
    .addOption(new Option('--tls-engine <engine>').hideHelp())
    .addOption(new Option('--tls-engine-kpass-sha1 <hash>').hideHelp());
}

function addWillFlags(command: Command): void {
  command
    .option('--will-topic <topic>', 'what the broker publishes there if we vanish')
    .option('--will-payload <payload>', 'default: empty')
    .option('--will-qos <qos>', 'default: 0')
    .option('--will-retain', 'the will is retained');
}
