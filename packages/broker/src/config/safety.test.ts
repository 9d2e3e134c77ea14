import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { type ConfigSources, loadConfig } from './load-config.ts';

const bob = 'authentication.users.bob.passwordHash=$7$1000$c2FsdA==$aGFzaA==';
const open = 'listeners.tcp.bind=0.0.0.0:1883';

test('a listener beyond loopback without a user is refused with the commands that mend it', () => {
  for (const bind of ['0.0.0.0:1883', '*:1883', '[::]:1883', '192.168.1.2:1883', 'example.org:1883']) {
    const [problem, ...rest] = problemsOf([`listeners.tcp.bind=${bind}`]);
    assert.deepEqual([problem.path, problem.source, rest.length], ['listeners.tcp.bind', '--set', 0]);
    assert.match(problem.message, /beyond this machine .* no user/);
    for (const remedy of [/wrenmq setup/, /--set listeners\.tcp\.bind=127\.0\.0\.1:1883/, /--insecure-allow-anonymous/])
      assert.match(problem.suggestion ?? '', remedy);
  }
});

test('a user, a password file, an own authenticator or certificates that name the user open it', (t) => {
  const home = mkdtempSync(path.join(tmpdir(), 'wrenmq-config-'));
  t.after(() => rmSync(home, { recursive: true }));
  const secured: ConfigSources[] = [
    { set: [open, bob] },
    { set: [open, 'authentication.passwordFile=/p'] },
    { set: [open], hasOtherAuthentication: true },
    { set: ['listeners.tls.bind=0.0.0.0:8883', 'listeners.tls.tls={ca: /ca.pem, clientCertificate: required, certificateAs: username}'] },
  ];
  for (const sources of secured) assert.equal(loadConfig(sources).config.listeners.tcp.isAnonymousAllowed, sources.set?.[0] !== open);
  assert.throws(() => loadConfig({ set: [open], home }), ConfigError);
  writeFileSync(path.join(home, 'passwords'), 'bob:$7$1000$c2FsdA==$aGFzaA==');
  assert.doesNotThrow(() => loadConfig({ set: [open, `dataDirectory=${home}`] }));
});

test('a certificate that names nobody is no authentication', () => {
  const set = ['listeners.tls.bind=0.0.0.0:8883', 'listeners.tls.tls={ca: /ca.pem, clientCertificate: required}'];
  assert.match(problemsOf(set)[0].message, /no user/);
});

test('anonymous clients beyond loopback need the explicit word, and are then told of at every start', () => {
  assert.match(problemsOf([open, bob, 'authentication.anonymous=always'])[0].message, /lets clients in without credentials/);
  assert.match(problemsOf([open, bob, 'listeners.tcp.anonymous=allow'])[0].suggestion ?? '', /--set listeners\.tcp\.anonymous=deny/);
  const { config, warnings } = loadConfig({ set: [open, 'insecureAllowAnonymous=true'] });
  assert.equal(config.listeners.tcp.isAnonymousAllowed, true);
  assert.deepEqual(
    warnings.map((warning) => warning.path),
    ['listeners.tcp.bind'],
  );
  assert.match(warnings[0].message, /everyone in who reaches 0\.0\.0\.0:1883/);
  for (const deny of ['authentication.anonymous=never', 'listeners.tcp.anonymous=deny']) {
    assert.equal(loadConfig({ set: [open, 'insecureAllowAnonymous=true', deny] }).config.listeners.tcp.isAnonymousAllowed, false);
  }
});

test('a listener can let anonymous clients in or keep them out whatever the others do', () => {
  const { listeners } = loadConfig({ set: ['authentication.anonymous=never', 'listeners.tcp.anonymous=allow'] }).config;
  assert.deepEqual([listeners.tcp.isAnonymousAllowed, listeners.ws.isAnonymousAllowed], [true, false]);
});

test('a listener that is switched off may be anything', () => {
  assert.doesNotThrow(() => loadConfig({ set: [open, 'listeners.tcp.enabled=false', 'listeners.ws.bind=127.0.0.1:1883'] }));
});

test('passwords beyond loopback without TLS are warned of', () => {
  assert.match(loadConfig({ set: [open, bob] }).warnings[0].message, /unencrypted beyond this machine/);
  assert.match(loadConfig({ set: ['listeners.ws.bind=0.0.0.0:8083', bob] }).warnings[0].suggestion ?? '', /kind to wss/);
  assert.deepEqual(loadConfig({ set: ['listeners.tls.bind=0.0.0.0:8883', bob] }).warnings, []);
});

test('a passphrase without a key, or TLS settings without TLS, are mistakes', () => {
  const paths = (...set: string[]) => problemsOf(set).map((problem) => problem.path);
  assert.deepEqual(paths('listeners.tls.tls.keyPassphrase=secret'), ['listeners.tls.tls.keyPassphrase']);
  for (const key of ['ciphers', 'keyPassphrase']) assert.deepEqual(paths(`listeners.tcp.tls.${key}=x`), ['listeners.tcp.tls']);
});

test('what follows from another mistake is not reported beside it', () => {
  const problems = problemsOf([open, 'authentication.users.bob.passwordHash=secret']);
  assert.deepEqual(
    problems.map((problem) => problem.path),
    ['authentication.users.bob.passwordHash'],
  );
  const [kind, ...rest] = problemsOf(['listeners.own.bind=127.0.0.1:1883']);
  assert.deepEqual([kind.path, rest.length], ['listeners.own.kind', 0]);
});

test('mistakes in different sections are reported together with what is unsafe', () => {
  const paths = problemsOf([open, 'limits.connectTimeout=5', 'listeners.ws.bind=127.0.0.1:18083']).map((problem) => problem.path);
  assert.deepEqual(paths, ['limits.connectTimeout', 'listeners.tcp.bind', 'admin.bind']);
});

test('two doors cannot share an address; a free port and another family can', () => {
  const pairs: [string, string, boolean][] = [
    ['127.0.0.1:5000', '127.0.0.1:5000', true],
    ['127.0.0.1:5000', 'localhost:5000', true],
    ['[::1]:5000', 'localhost:5000', true],
    ['0.0.0.0:5000', '127.0.0.1:5000', true],
    ['*:5000', '10.0.0.1:5000', true],
    ['[::]:5000', '0.0.0.0:5000', true],
    ['unix:/a', 'unix:/a', true],
    ['127.0.0.1:0', '127.0.0.1:0', false],
    ['127.0.0.1:5000', '[::1]:5000', false],
    ['0.0.0.0:5000', '[::1]:5000', false],
    ['127.0.0.1:5000', '127.0.0.1:5001', false],
    ['unix:/a', 'unix:/b', false],
  ];
  for (const [first, second, shared] of pairs) {
    const set = [`listeners.tcp.bind=${first}`, `listeners.ws.bind=${second}`, bob];
    if (shared) assert.match(problemsOf(set)[0].message, /is taken by listeners\.tcp/, `${first} ${second}`);
    else assert.doesNotThrow(() => loadConfig({ set }), `${first} ${second}`);
  }
});

test('TLS keys that need each other are asked for', () => {
  const cases: [string, string, RegExp][] = [
    ['tls', '{cert: /c}', /needs its private key/],
    ['tls', '{key: /k}', /needs its certificate/],
    ['tls', '{clientCertificate: required}', /who signs client certificates/],
    ['tls', '{certificateAs: username}', /no meaning without client certificates/],
    ['wss', '{crl: /r}', /no meaning without client certificates/],
    ['tcp', '{cert: /c, key: /k}', /no meaning for the kind tcp/],
    ['ws', '{sni: {example.org: {cert: /c, key: /k}}}', /no meaning for the kind ws/],
  ];
  for (const [name, tls, message] of cases) assert.match(problemsOf([`listeners.${name}.tls=${tls}`])[0].message, message, tls);
});

test('PROXY without anybody who is trusted is refused, but a Unix socket trusts whoever can open it', () => {
  assert.match(problemsOf(['listeners.tcp.proxyProtocol.enabled=true'])[0].message, /nobody could connect/);
  assert.doesNotThrow(() => loadConfig({ set: ['listeners.tcp.proxyProtocol.enabled=true', 'listeners.tcp.bind=unix:/s'] }));
  assert.match(
    problemsOf(['listeners.tcp.proxyProtocol={enabled: true, trusted: [10.0.0.0/33]}'])[0].message,
    /IP address nor a CIDR block/,
  );
});

function problemsOf(set: readonly string[]): readonly ConfigProblem[] {
  try {
    loadConfig({ set, home: '/nowhere' });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return assert.fail(`accepted: ${set.join(' ')}`);
}
