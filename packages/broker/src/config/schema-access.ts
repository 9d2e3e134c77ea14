import { z } from 'zod';
import { key, section } from './schema-key.ts';

const user = z
  .strictObject({
    passwordHash: key(
      { effect: 'live', isSecret: true },
      'Hash of the password, made by `wrenmq passwd`: scrypt, argon2id, or mosquitto $7$. Never the password itself.',
      z.string().regex(/^\$[a-zA-Z0-9-]+\$\S+$/, 'is not a password hash: make one with `wrenmq passwd`').nullable().prefault(null),
    ),
    scram: key(
      { effect: 'live', isSecret: true },
      'SCRAM-SHA-256 verifier, made by `wrenmq passwd --scram`, for clients that use enhanced authentication.',
      z.string().regex(/^SCRAM-SHA-256\$\S+$/, 'is not a SCRAM-SHA-256 verifier: make one with `wrenmq passwd --scram`').nullable().prefault(null),
    ),
    isSuperuser: key('live', 'Whether authorization rules do not apply to the user.', z.boolean().prefault(false)),
  })
  .refine((value) => value.passwordHash !== null || value.scram !== null, 'has no credential: give passwordHash or scram (make one with `wrenmq passwd`)');

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

const nameOrAny = () => z.string().min(1).nullable().prefault(null);

const rule = z.strictObject({
  permit: key('live', 'What the rule decides: allow or deny.', z.enum(['allow', 'deny'])),
  actions: key('live', 'What it is about: publish, subscribe or both.', z.array(z.enum(['publish', 'subscribe'])).min(1).prefault(['publish', 'subscribe'])),
  topics: key(
    'live',
    'Topic filters it covers; %c stands for the client identifier and %u for the user name, each as a whole level. `eq filter` covers only that very filter.',
    z.array(z.string().min(1).max(65_535)).min(1).prefault(['#']),
  ),
  username: key('live', 'The user it is for; null: any.', nameOrAny()),
  clientId: key('live', 'The client it is for; null: any.', nameOrAny()),
  address: key(
    'live',
    'The address or CIDR block it is for; null: any.',
    z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], { error: 'is neither an IP address nor a CIDR block such as 10.0.0.0/8' }).nullable().prefault(null),
  ),
});

export const authorization = section('What a client may publish and subscribe to.', {
  rules: key(
    'live',
    'Rules in order; the first that fits decides. null: no rules, everyone may use every topic outside the $ trees. An empty list is a list: it denies, unless default says otherwise.',
    z.array(rule).nullable().prefault(null),
  ),
  default: key('live', 'What holds when there are rules and none fits: deny or allow.', z.enum(['deny', 'allow']).prefault('deny')),
});
