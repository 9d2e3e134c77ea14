import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TopicTemplate, type TopicValues } from './topic-template.ts';

const all = { variables: ['clientid', 'username', 'host', 'port'] } as const;

function fill(text: string, values: TopicValues, captures?: readonly string[]): unknown {
  const template = TopicTemplate.parse(text, captures === undefined ? all : { ...all, captures: captures.length - 1 });
  return typeof template === 'string' ? template : template.expand(values, captures);
}

test('values and captures take their places', () => {
  const values = { clientid: 'c1', username: 'ann', host: '127.0.0.1', port: '40000' };
  assert.equal(fill('a/${clientid}/${username}/x-${host}:${port}/#', values), 'a/c1/ann/x-127.0.0.1:40000/#');
  assert.equal(fill('$SYS/x', values), '$SYS/x');
  assert.equal(fill('a/$1', values), 'a/$1', 'without captures $1 is text');
  assert.equal(fill('z/$2/$1$2', values, ['whole', 'b', 'c/d']), 'z/c/d/bc/d');
  assert.equal(fill('', values), '');
});

test('what a value or capture contains is not read again', () => {
  assert.equal(
    fill('a/${clientid}/$1', { clientid: '${username}', username: 'ann' }, ['', '${clientid}$2']),
    'a/${username}/${clientid}$2',
  );
});

test('a value that is missing, or could reach beyond its level, is told and not put in', () => {
  const { variables } = all;
  for (const value of [undefined, null, '', 'a/b', '+', '#', 'x#', '/', 'a\0b']) {
    for (const variable of variables) {
      const filled = fill(`a/\${${variable}}/b`, value === undefined ? {} : { [variable]: value }) as { variable: string };
      assert.equal(filled.variable, variable, String(value));
    }
  }
});

test('a value cannot begin a tree or a prefix of its own', () => {
  const system = { variable: 'clientid', problem: 'begins with $' };
  assert.deepEqual(fill('${clientid}/#', { clientid: '$SYS' }), system);
  assert.deepEqual(fill('$share/g/${clientid}/#', { clientid: '$SYS' }), system);
  assert.deepEqual(fill('$exclusive/${clientid}/#', { clientid: '$SYS' }), system);
  assert.equal(fill('devices/${clientid}', { clientid: '$c' }), 'devices/$c');
});

test('a name that stands for nothing, or a capture that there is not, is an error', () => {
  assert.match(String(fill('a/${user}', {})), /has \$\{user\}, which stands for nothing: there are \$\{clientid\}/);
  assert.match(String(fill('a/${}', {})), /stands for nothing/);
  assert.match(String(fill('a/$2', {}, ['whole', 'one'])), /has \$2, and the expression has one group/);
  assert.match(String(fill('a/$0', {}, ['whole', 'one'])), /has \$0/);
});
