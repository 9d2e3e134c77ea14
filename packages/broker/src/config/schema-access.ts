import { z } from 'zod';
import { key, qos, section } from './schema-key.ts';

const user = z
  .strictObject({
    passwordHash: key(
      { effect: 'live', isSecret: true },
      'Hash of the password, made by `wrenmq passwd`: argon2id, scrypt, or mosquitto ($7$, $6$). Never the password itself.',
      z
        .string()
        .regex(/^\$(argon2id|scrypt|7|6)\$\S+$/, 'is not a password hash: make one with `wrenmq passwd`')
        .nullable()
        .prefault(null),
    ),
    scram: key(
      { effect: 'live', isSecret: true },
      'SCRAM-SHA-256 credential, made by `wrenmq passwd --scram`, for clients that use enhanced authentication.',
      z
        .string()
        .regex(/^\$scram-sha-256\$\S+$/, 'is not a SCRAM credential: make one with `wrenmq passwd --scram`')
        .nullable()
        .prefault(null),
    ),
    isSuperuser: key('live', 'Whether authorization rules do not apply to the user.', z.boolean().prefault(false)),
  })
  .refine(
    (value) => value.passwordHash !== null || value.scram !== null,
    'has no credential: give passwordHash or scram (make one with `wrenmq passwd`)',
  );

export const authentication = section('Who a client is.', {
  anonymous: key(
    'live',
    'Clients without credentials: loopback (on listeners bound to loopback only), always (needs insecureAllowAnonymous beyond loopback), never.',
    z.enum(['loopback', 'always', 'never']).prefault('loopback'),
  ),
  passwordFile: key(
    { effect: 'restart', isPath: true },
    'Users with password hashes, one per line, made by `wrenmq passwd`; mosquitto files are read too. null: the file `passwords` in the data directory, if it exists.',
    z.string().min(1).nullable().prefault(null),
  ),
  users: key('live', 'Users by name.', z.record(z.string().min(1).max(65_535), user).prefault({})),
});

const names = () => z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], { error: 'must be a text or a list of texts' });
const network = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], { error: 'must be an IP address or a network such as 10.0.0.0/8' });

const who = z.strictObject({
  username: key('live', 'The proven user name, or a list of them.', names().exactOptional()),
  clientId: key('live', 'The client identifier, or a list of them.', names().exactOptional()),
  address: key(
    'live',
    'The address of the client or the network it is in, or a list of them.',
    z.union([network, z.array(network).min(1)]).exactOptional(),
  ),
  listener: key('live', 'The name of the listener, such as tcp, or a list of them.', names().exactOptional()),
  anonymous: key('live', 'Whether the client has shown no credentials.', z.boolean().exactOptional()),
  loopback: key('live', 'Whether its listener is bound to loopback.', z.boolean().exactOptional()),
});

const rule = z.strictObject({
  permission: key('live', 'What the rule decides.', z.enum(['allow', 'deny'])),
  action: key('live', 'What it is about.', z.enum(['publish', 'subscribe', 'all'])),
  topics: key(
    'live',
    'Topic filters that it covers; %c stands for the client identifier and %u for the user name, each as a whole level.',
    z.array(z.string().min(1).max(65_535)).min(1),
  ),
  who: key('live', 'Whom it is about: all that is said must hold, of a list one. Left away: everybody.', who.exactOptional()),
  qos: key('live', 'Only for these QoS: of the message, or requested by the subscription.', z.array(qos).min(1).exactOptional()),
  retain: key('live', 'Only for messages with RETAIN (true) or without (false); for the action publish.', z.boolean().exactOptional()),
});

export const authorization = section('What a client may publish and subscribe to.', {
  rules: key(
    'live',
    'Rules in order; the first that fits decides. null: no rules, everyone may use every topic outside the $ trees, and bridges may announce their state there. An empty list is a list: it denies, unless default says otherwise.',
    z.array(rule).nullable().prefault(null),
  ),
  default: key('live', 'What holds when there are rules and none fits: deny or allow.', z.enum(['deny', 'allow']).prefault('deny')),
});
