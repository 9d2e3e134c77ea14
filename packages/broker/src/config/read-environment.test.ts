import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { type ConfigProblem, ConfigError } from './config-error.ts';
import { variableOf } from './key-path.ts';
import { loadConfig } from './load-config.ts';
import type { Environment } from './read-environment.ts';

test('a variable finds its key whatever its case and underscores', () => {
  for (const variable of ['WRENMQ_LIMITS__TOPIC_LEVELS_MAX', 'wrenmq_limits__topicLevelsMax', 'WRENMQ_LIMITS__TOPICLEVELSMAX']) {
    assert.equal(loadConfig({ env: { [variable]: '7' } }).config.limits.topicLevelsMax, 7, variable);
  }
});

test('the variable that explain names is read', () => {
  const paths = ['durability', 'insecureAllowAnonymous', 'mqtt.maximumQoS', 'session.storeQoS0', 'listeners.tls1884.bind'];
  const values = ['memory', 'true', '1', 'true', '[::1]:0'];
  const env = Object.fromEntries(paths.map((text, index) => [variableOf(text.split('.')), values[index]]));
  const { config } = loadConfig({ env });
  assert.deepEqual(
    [config.durability, config.insecureAllowAnonymous, config.mqtt.maximumQoS, config.session.storeQoS0],
    ['memory', true, 1, true],
  );
  assert.deepEqual(config.listeners.tls1884.bind, { host: '::1', port: 0 });
});

test('values need no quotes: addresses, hashes and lists are taken as they are', () => {
  const passwordHash = '$7$1000$c2FsdA==$aGFzaA==';
  const { config } = loadConfig({
    env: {
      WRENMQ_LISTENERS__TCP__BIND: '[::1]:1883',
      WRENMQ_LISTENERS__WS__BIND: '127.0.0.1:0',
      WRENMQ_AUTHENTICATION__USERS__BOB__PASSWORD_HASH: passwordHash,
      WRENMQ_AUTHORIZATION__RULES: '[{permission: deny, action: all, topics: ["#"]}]',
      WRENMQ_MQTT__SERVER_REFERENCE: '123',
      WRENMQ_DRAIN__SERVER_REFERENCE: 'null',
    },
  });
  assert.deepEqual(config.listeners.tcp.bind, { host: '::1', port: 1883 });
  assert.equal(config.authentication.users['bob'].passwordHash, passwordHash);
  assert.deepEqual(config.authorization.rules, [{ permission: 'deny', action: 'all', topics: ['#'] }]);
  assert.equal(config.mqtt.serverReference, '123');
  assert.equal(config.drain.serverReference, null);
});

test('a name in the environment means the one of the file that is written like it', () => {
  const overrides = { authentication: { users: { 'Ann-Lee': { passwordHash: '$7$1$a$b' } } } };
  const env = { WRENMQ_AUTHENTICATION__USERS__ANN_LEE__IS_SUPERUSER: 'true' };
  assert.throws(() => loadConfig({ env, overrides }), ConfigError, 'the layer of the options is above the environment and unknown to it');
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'wrenmq-config-')), 'f.json');
  writeFileSync(file, JSON.stringify(overrides));
  const { users } = loadConfig({ env, file }).config.authentication;
  rmSync(path.dirname(file), { recursive: true });
  assert.deepEqual(
    Object.entries(users).map(([name, user]) => [name, user.isSuperuser]),
    [['Ann-Lee', true]],
  );
});

test('_FILE takes the value from a file without its last line end, but a key that ends so is itself', (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'wrenmq-config-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const secret = path.join(directory, 'secret');
  writeFileSync(secret, '$7$1000$c2FsdA==$aGFzaA==\n');
  const { authentication } = loadConfig({
    env: { WRENMQ_AUTHENTICATION__USERS__BOB__PASSWORD_HASH_FILE: secret, WRENMQ_AUTHENTICATION__PASSWORD_FILE: '/p' },
  }).config;
  assert.equal(authentication.users['bob'].passwordHash, '$7$1000$c2FsdA==$aGFzaA==');
  assert.equal(authentication.passwordFile, '/p');
  const [problem] = problemsOf({ WRENMQ_LOG__LEVEL_FILE: path.join(directory, 'none') });
  assert.match(problem.message, /which does not exist/);
  assert.equal(problem.source, 'WRENMQ_LOG__LEVEL_FILE');
});

test('an unknown variable is a problem, unless the caller knows it or Kubernetes made it for a service', () => {
  const [problem] = problemsOf({ WRENMQ_LISTENERS__TCP__BNID: '1' });
  assert.equal(problem.source, 'WRENMQ_LISTENERS__TCP__BNID');
  assert.match(problem.suggestion ?? '', /WRENMQ_LISTENERS__TCP__BIND/);
  const env = {
    WRENMQ_CONFIG: '/etc/wrenmq.yaml',
    WRENMQ_SERVICE_HOST: '10.0.0.1',
    WRENMQ_SERVICE_PORT: '1883',
    WRENMQ_SERVICE_PORT_MQTT: '1883',
    WRENMQ_PORT: 'tcp://10.0.0.1:1883',
    WRENMQ_PORT_1883_TCP_ADDR: '10.0.0.1',
    WRENMQ_EDGE_SERVICE_HOST: '10.0.0.2',
    OTHER_LIMITS__X: '1',
  };
  assert.doesNotThrow(() => loadConfig({ env, ignoredVariables: ['WRENMQ_CONFIG'] }));
  assert.equal(problemsOf({ WRENMQ_CONFIG: 'x' }).length, 1);
});

function problemsOf(env: Environment): readonly ConfigProblem[] {
  try {
    loadConfig({ env });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return assert.fail('the configuration was accepted');
}
