import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { type ConfigSources, loadConfig } from './load-config.ts';

const hash = '$7$1000$c2FsdA==$aGFzaA==';

test('without any source the broker listens on the five default doors, all of them on loopback', () => {
  const { config, warnings } = loadConfig({ home: '/nowhere' });
  const doors = Object.entries(config.listeners).map(([name, listener]) => [name, listener.kind, listener.bind]);
  assert.deepEqual(doors, [
    ['tcp', 'tcp', { host: '127.0.0.1', port: 1883 }],
    ['ws', 'ws', { host: '127.0.0.1', port: 8083 }],
    ['tls', 'tls', { host: '127.0.0.1', port: 8883 }],
    ['tls1884', 'tls', { host: '127.0.0.1', port: 1884 }],
    ['wss', 'wss', { host: '127.0.0.1', port: 8084 }],
  ]);
  assert.deepEqual(config.admin.bind, { host: '127.0.0.1', port: 18083 });
  assert.equal(config.listeners.tcp.isAnonymousAllowed, true);
  assert.equal(config.durability, 'disk');
  assert.deepEqual(warnings, []);
});

test('values come out as numbers whose key ends with the unit', () => {
  const { config } = loadConfig({
    set: ['limits.connectTimeout=1m30s', 'session.expiryMax=2h', 'listeners.tcp.acceptRate=600/m', 'limits.packetBytesMax=2MiB'],
  });
  assert.equal(config.limits.connectTimeoutMs, 90_000);
  assert.equal(config.session.expiryMaxSeconds, 7200);
  assert.equal(config.session.expiryDefaultSeconds, 0xffff_ffff);
  assert.equal(config.listeners.tcp.acceptRatePerSecond, 10);
  assert.equal(config.limits.packetBytesMax, 2_097_152);
  assert.equal(config.session.keepAliveMaxSeconds, null);
  assert.equal(config.session.queueMessagesMax, Infinity);
});

test('a later layer wins key by key: default, file, environment, command line, option', (t) => {
  const file = fileWith(t, 'limits: {topicLevelsMax: 2, topicBytesMax: 2, clientIdBytesMax: 100, connectionsMax: 2}');
  const { config, ...loaded } = loadConfig({
    file,
    env: { WRENMQ_LIMITS__TOPIC_BYTES_MAX: '3', WRENMQ_LIMITS__CLIENT_ID_BYTES_MAX: '101', WRENMQ_LIMITS__CONNECTIONS_MAX: '3' },
    set: ['limits.clientIdBytesMax=102', 'limits.connectionsMax=4'],
    overrides: { limits: { connectionsMax: 5 } },
  });
  const { topicLevelsMax, topicBytesMax, clientIdBytesMax, connectionsMax } = config.limits;
  assert.deepEqual([topicLevelsMax, topicBytesMax, clientIdBytesMax, connectionsMax], [2, 3, 102, 5]);
  assert.deepEqual(loaded.warnings, []);
});

test('the configuration is frozen through and through', () => {
  const { config } = loadConfig({
    set: ['listeners.x={kind: tcp, bind: 0}', 'authorization.rules=[{permission: allow, action: all, topics: [a]}]'],
  });
  const check = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    assert.ok(Object.isFrozen(value));
    Object.values(value).forEach(check);
  };
  check(config);
});

test('a name that nobody configured is not found in a map of names', () => {
  const { config } = loadConfig();
  assert.equal(config.listeners['toString'], undefined);
  assert.equal(config.authentication.users['valueOf'], undefined);
});

test('all problems are reported at once, in the order of the file, each with its place', (t) => {
  const file = fileWith(
    t,
    ['listeners:', '  tcp:', '    bnd: 1883', 'limits:', '  connectTimeout: 5', '  packetBytesMax: 1GiB', 'durability: dsk'].join('\n'),
  );
  const problems = problemsOf({ file, set: ['sys.intervall=1s'], env: { WRENMQ_LOG__LEVEL: 'loud' } });
  assert.deepEqual(
    problems.map((problem) => [problem.path, problem.line, problem.column, problem.source]),
    [
      ['listeners.tcp.bnd', 3, 5, undefined],
      ['limits.connectTimeout', 5, 19, undefined],
      ['limits.packetBytesMax', 6, 19, undefined],
      ['durability', 7, 13, undefined],
      ['log.level', undefined, undefined, 'WRENMQ_LOG__LEVEL'],
      ['sys.intervall', undefined, undefined, '--set'],
    ],
  );
});

test('the text of the error names file, line, column, key, fault and remedy', (t) => {
  const file = fileWith(t, 'listeners:\n  tcp:\n    maxConections: 5\n    conectionsMax: 5\n');
  assert.throws(
    () => loadConfig({ file }),
    (error: ConfigError) => {
      assert.ok(
        error.format().includes(`${file}:4:5: listeners.tcp.conectionsMax is not a key\n    did you mean listeners.tcp.connectionsMax?`),
      );
      assert.match(error.format(), /2 problems in the configuration$/);
      return true;
    },
  );
});

test('a key that belongs elsewhere is pointed to, and one in the environment by its variable', () => {
  assert.match(problemsOf({ set: ['packetBytesMax=1MiB'] })[0].suggestion ?? '', /limits\.packetBytesMax/);
  assert.match(problemsOf({ env: { WRENMQ_LIMITS__PACKET_BYTE_MAX: '1' } })[0].suggestion ?? '', /WRENMQ_LIMITS__PACKET_BYTES_MAX/);
  assert.match(problemsOf({ set: ['zzzzzzzzz=1'] })[0].suggestion ?? '', /docs\/configuration\.md/);
});

test('names that reach into prototypes are refused in every layer', (t) => {
  const file = fileWith(t, '__proto__: {isSuperuser: true}\nlisteners: {constructor: {kind: tcp, bind: 1}}');
  const overrides = JSON.parse('{"authentication":{"users":{"__proto__":{"isSuperuser":true}}}}') as object;
  const paths = problemsOf({ file, set: ['authentication.users.prototype.isSuperuser=true'], overrides }).map((problem) => problem.path);
  assert.deepEqual(paths, ['__proto__', 'listeners.constructor', 'authentication.users.prototype', 'authentication.users.__proto__']);
  assert.equal(({} as Record<string, unknown>)['isSuperuser'], undefined);
});

test('secrets are in no message and in no output', () => {
  const secret = 'correct-horse';
  const wrong = ['passwordHash=' + secret, 'scram=' + secret, 'isSuperuser=' + secret].map((text) => `authentication.users.bob.${text}`);
  assert.throws(
    () => loadConfig({ set: [...wrong, `authentication.users.eve.${secret}`] }),
    (error: ConfigError) => error.problems.length === 4 && !error.format().replaceAll(`eve.${secret}`, '').includes(secret),
  );
  const loaded = loadConfig({ set: [`authentication.users.bob.passwordHash=${hash}`] });
  assert.ok(!JSON.stringify(loaded.show()).includes('c2FsdA'));
  assert.ok(!JSON.stringify(loaded.explain('authentication.users')).includes('c2FsdA'));
  assert.equal(loaded.explain('authentication.users.bob.passwordHash').value, '(secret)');
  assert.equal(loaded.config.authentication.users['bob'].passwordHash, hash);
});

test('paths start at the home directory, at the directory of the file, or where the broker was started', (t) => {
  const file = fileWith(
    t,
    'dataDirectory: data\nlisteners: {tls: {tls: {cert: ../c.pem, key: /k.pem}}}\nauthentication: {passwordFile: ~/p}',
  );
  const { config } = loadConfig({ file, home: '/home/wren', cwd: '/srv', set: ['listeners.tls.tls.ca=ca.pem'] });
  assert.equal(config.dataDirectory, path.join(path.dirname(file), 'data'));
  const { cert, key, ca } = config.listeners.tls.tls;
  assert.deepEqual([cert, key, ca], [path.join(path.dirname(file), '../c.pem'), '/k.pem', '/srv/ca.pem']);
  assert.equal(config.authentication.passwordFile, '/home/wren/p');
  assert.equal(config.authentication.isPasswordFileRequired, true);
});

test('the data directory is below XDG_DATA_HOME when that is an absolute path, else in the home directory', () => {
  assert.equal(loadConfig({ home: '/h', env: { XDG_DATA_HOME: '/x' } }).config.dataDirectory, '/x/wrenmq');
  assert.equal(loadConfig({ home: '/h', env: { XDG_DATA_HOME: 'x' } }).config.dataDirectory, '/h/.wrenmq');
  const { config, ...loaded } = loadConfig({ home: '/h' });
  assert.equal(config.dataDirectory, '/h/.wrenmq');
  assert.equal(config.authentication.passwordFile, '/h/.wrenmq/passwords');
  assert.equal(config.authentication.isPasswordFileRequired, false);
  assert.deepEqual(loaded.warnings, []);
});

test('explain tells value, default, layer, place and effect of a key', (t) => {
  const file = fileWith(t, 'listeners:\n  tcp:\n    bind: 127.0.0.1:2000\n');
  const loaded = loadConfig({ file });
  const tcp = loaded.explain('listeners.tcp.bind');
  assert.deepEqual(
    [tcp.value, tcp.default, tcp.layer, tcp.origin],
    ['127.0.0.1:2000', '127.0.0.1:1883', 'file', { file, line: 3, column: 11 }],
  );
  assert.equal(tcp.variable, 'WRENMQ_LISTENERS__TCP__BIND');
  assert.equal(tcp.effect, 'restart');
  const level = loaded.explain('log.level');
  assert.deepEqual([level.value, level.default, level.layer, level.origin, level.effect], ['info', 'info', 'default', {}, 'live']);
  assert.match(level.description, /least important level/);
  assert.equal(loaded.explain('limits').effect, null);
  for (const wrong of ['log.levl', 'nope', '', 'a..b', 'listeners.other.bind', '__proto__'])
    assert.throws(() => loaded.explain(wrong), ConfigError, wrong);
});

test('what is shown can be loaded again and means the same', (t) => {
  const set = [
    'listeners.own={kind: ws, bind: "unix:/tmp/x"}',
    'session.expiryMax=1d',
    'limits.connectionsMax=7',
    'authorization.rules=[]',
  ];
  const loaded = loadConfig({ set });
  const file = fileWith(t, JSON.stringify(loaded.show()));
  const again = loadConfig({ file }).config;
  // The default password file need not exist; one that was named must.
  assert.deepEqual({ ...again, authentication: null }, { ...loaded.config, authentication: null });
});

test('a problem that another room finds gets the place of the value', (t) => {
  const file = fileWith(t, 'authorization:\n  rules:\n    - {permission: allow, action: all, topics: ["a/#/b"]}\n');
  const problem = loadConfig({ file }).problemAt(['authorization', 'rules', '0', 'topics', '0'], 'is no filter');
  assert.deepEqual(problem, { path: 'authorization.rules.0.topics.0', message: 'is no filter', file, line: 3, column: 49 });
});

test('whatever stands in file, environment and arguments, only a ConfigError is thrown', (t) => {
  const directory = directoryFor(t);
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, 'any.yaml');
  const word = fc.constantFrom(
    'listeners',
    'tcp',
    'bind',
    'users',
    'rules',
    'limits',
    '__proto__',
    'toString',
    '0',
    '"',
    '.',
    '[',
    '{',
    ': ',
    '\n',
    '- ',
    '&a',
    '*a',
    'null',
    '1h',
  );
  const text = fc.array(fc.oneof(word, fc.string()), { maxLength: 20 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      text,
      fc.array(text, { maxLength: 3 }),
      fc.dictionary(text, text, { maxKeys: 3 }),
      fc.object(),
      (yaml, set, variables, overrides) => {
        writeFileSync(file, yaml);
        const env = Object.fromEntries(Object.entries(variables).map(([name, value]) => [`WRENMQ_${name}`, value]));
        try {
          loadConfig({ file, set, env, overrides });
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
          assert.ok(error.problems.length > 0 && error.format() !== '');
        }
      },
    ),
    { numRuns: 150 },
  );
});

function problemsOf(sources: ConfigSources): readonly ConfigProblem[] {
  try {
    loadConfig(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return assert.fail('the configuration was accepted');
}

function fileWith(t: TestContext, text: string): string {
  const file = path.join(directoryFor(t), 'wrenmq.yaml');
  writeFileSync(file, text);
  return file;
}

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'wrenmq-config-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}
