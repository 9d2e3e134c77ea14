import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configurationReference, everyKey } from './documentation.ts';
import { configJsonSchema } from './json-schema.ts';
import { parsePath, variableOf } from './key-path.ts';
import { loadConfig } from './load-config.ts';
import { factsOf } from './schema-key.ts';

test('docs/configuration.md is what the schema says (else run scripts/generate-configuration-docs.ts)', () => {
  const committed = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
  assert.equal(committed, configurationReference());
});

test('every key has a sentence that ends, and says what a change of it takes', () => {
  const keys = everyKey();
  assert.ok(keys.length > 80);
  for (const [path, schema] of keys) {
    assert.match(schema.description ?? '', /^\S.{8,}\.$/s, path.join('.'));
    assert.ok(path.length === 1 || factsOf(schema) !== undefined, path.join('.'));
  }
});

test('no two keys beside each other share a variable, and every path can be written and read', () => {
  const paths = everyKey().map(([path]) => path.map((segment) => segment.replace(/[<>[\]]/g, '')));
  const variables = paths.map((path) => variableOf(path).replaceAll(/(?<=[^_])_(?=[^_])/g, ''));
  assert.equal(new Set(variables).size, variables.length);
  for (const path of paths) assert.deepEqual(parsePath(path.join('.')), path);
});

test('the JSON Schema knows every section, describes the values with units and demands nothing at the top', () => {
  const schema = configJsonSchema() as {
    properties: Record<string, { properties?: Record<string, unknown> }>;
    required?: string[];
    additionalProperties: unknown;
  };
  assert.deepEqual(Object.keys(schema.properties).toSorted(), Object.keys(loadConfig().show()).toSorted());
  assert.equal(schema.required, undefined);
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(schema.properties['limits'].properties?.['connectTimeout'], {
    description: 'How long a new connection may take to send its CONNECT, TLS included, 100ms to 10m.',
    default: '10s',
    type: 'string',
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$',
  });
});
