import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';

const directory = await tempDirectory('wrenmq-topics-');
after(() => directory.remove());

function problemsOf(sources: Parameters<typeof loadConfig>[0]): readonly string[] {
  try {
    loadConfig({ env: {}, home: directory.path, ...sources });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(({ line, path, message }) => `${line === undefined ? '' : `line ${line}: `}${path} ${message}`);
  }
  return [];
}

test('a rule that cannot be used is an error with its place, key by key', async () => {
  const file = join(directory.path, 'rewrite.yaml');
  const lines = [
    'rewrite:',
    '  rules:',
    '    - {action: all, sourceTopic: x/#, re: ^x/(.+)$, destTopic: y/$1}',
    '    - action: publish',
    '      sourceTopic: a/#/b',
    "      re: '('",
    '      destTopic: y/#',
    '    - {action: subscribe, sourceTopic: x/#, re: (?=x), destTopic: y/#}',
    '    - {action: every, sourceTopic: x/#, re: x, destTopic: y}',
  ];
  await writeFile(file, lines.join('\n'));
  assert.deepEqual(problemsOf({ file }), [
    'line 5: rewrite.rules.1.sourceTopic has a # that is not its last character',
    'line 6: rewrite.rules.1.re is not a regular expression: missing closing ): `(`',
    'line 7: rewrite.rules.1.destTopic has a wildcard, which nobody can publish to',
    'line 8: rewrite.rules.2.re is not a regular expression: invalid or unsupported Perl syntax: `(?=` (RE2 syntax: there is no lookaround and no backreference)',
    'line 9: rewrite.rules.3.action must be one of publish, subscribe, all',
  ]);
});

test('automatic topics are filters with known placeholders; No Local does not go with $share [MQTT-3.8.3-4]', () => {
  const topics = [
    { topic: 'a/${clientid}/${username}/${host}/${port}/#' },
    { topic: '$share/g/${clientid}', qos: 2, retainAsPublished: true, retainHandling: 2 },
    { topic: '$exclusive/t', noLocal: true },
  ];
  const { config } = loadConfig({ overrides: { autoSubscribe: { topics } }, home: directory.path });
  assert.deepEqual(config.autoSubscribe.topics[0], {
    topic: 'a/${clientid}/${username}/${host}/${port}/#',
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  });
  const bad = [{ topic: 'a/#/b' }, { topic: 'a/${user}' }, { topic: '$share/g/a', noLocal: true }, { topic: 'a', qos: 3 }, { topic: '' }];
  assert.deepEqual(problemsOf({ overrides: { autoSubscribe: { topics: bad } } }), [
    'autoSubscribe.topics.0.topic has a # that is not its last character',
    'autoSubscribe.topics.1.topic has ${user}, which stands for nothing: there are ${clientid}, ${username}, ${host}, ${port}',
    'autoSubscribe.topics.2.noLocal is not possible for a shared subscription',
    'autoSubscribe.topics.3.qos must be 0, 1 or 2',
    'autoSubscribe.topics.4.topic is empty',
  ]);
});

test('there are as many rules and automatic topics as one may have', () => {
  const topics = Array.from({ length: 101 }, (_, index) => ({ topic: `t/${index}` }));
  const rules = topics.map(({ topic }) => ({ action: 'all', sourceTopic: topic, re: '.', destTopic: 'x' }));
  assert.deepEqual(problemsOf({ overrides: { autoSubscribe: { topics: topics.slice(1) }, rewrite: { rules: rules.slice(1) } } }), []);
  assert.deepEqual(problemsOf({ overrides: { autoSubscribe: { topics }, rewrite: { rules } } }).toSorted(), [
    'autoSubscribe.topics must have at most 100 items',
    'rewrite.rules must have at most 100 items',
  ]);
});
