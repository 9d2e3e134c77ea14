import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mqtt311Clauses, mqtt5Clauses } from './clauses.ts';
import { conformanceReport } from './conformance-report.ts';

test('every statement that binds a server has a test or an exemption, and every identifier exists', () => {
  assert.deepEqual(conformanceReport().problems, []);
});

test('docs/conformance.md is up to date (npm run docs)', () => {
  const written = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
  assert.ok(written === conformanceReport().markdown, 'run npm run docs');
});

test('the statements are as many as the standard has, each once', () => {
  // Appendix B of MQTT 5.0 has 251; MQTT 3.1.1 has 137 and 4 conformance targets.
  assert.equal(new Set(mqtt5Clauses.map((clause) => clause.id)).size, 251);
  assert.equal(new Set(mqtt311Clauses.map((clause) => clause.id)).size, 141);
});
