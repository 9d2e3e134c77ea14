import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerUse, metricsUrl, readSamples } from './broker-metrics.ts';

const before = readSamples(`# HELP process_cpu_seconds_total CPU time
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
process_resident_memory_bytes 1000 1795251600000
wrenmq_messages_received_total{qos="0"} 5
wrenmq_messages_received_total{qos="1"} 1
wrenmq_messages_sent_total{qos="0"} 0
wrenmq_messages_dropped_total{reason="queue_full"} 2
`);
const after = readSamples(`process_cpu_seconds_total 3.5
process_resident_memory_bytes 2.5e3
wrenmq_messages_received_total{qos="0"} 105
wrenmq_messages_received_total{qos="1"} 1
wrenmq_messages_received_total_more 77
wrenmq_messages_sent_total{qos="0"} 300
wrenmq_messages_dropped_total{reason="queue_full"} 2
wrenmq_messages_dropped_total{reason="a } b"} 4
`);

test('what a broker used is the difference of two scrapes, over all labels', () => {
  assert.deepEqual(brokerUse(before, after, 7), {
    cpuSeconds: 2,
    messagesReceived: 100,
    messagesSent: 300,
    dropped: { 'a } b': 4 },
    residentBytesBefore: 1000,
    residentBytesAfter: 2500,
    messagesPerCpuSecond: 200,
  });
});

test('of a broker that does not count messages ours are taken, and what it does not tell is not invented', () => {
  const [one, other] = ['process_cpu_seconds_total 1\n', 'process_cpu_seconds_total 2\n'].map(readSamples);
  const { messagesPerCpuSecond, messagesReceived, residentBytesAfter } = brokerUse(one, other, 700);
  assert.deepEqual([messagesPerCpuSecond, messagesReceived, residentBytesAfter], [700, null, null]);
  assert.equal(brokerUse(new Map(), new Map(), 700).messagesPerCpuSecond, null);
  assert.equal(brokerUse(one, one, 700).messagesPerCpuSecond, null);
});

test('--broker-metrics is a URL of http, without a secret; without a path it is /metrics', () => {
  assert.equal(metricsUrl(undefined), null);
  assert.equal(metricsUrl('http://a:18083')?.href, 'http://a:18083/metrics');
  assert.equal(metricsUrl('https://a/api/prometheus?x=1')?.href, 'https://a/api/prometheus?x=1');
  for (const wrong of ['a:18083', 'mqtt://a', '/metrics', 'http://u:p@a/']) assert.throws(() => metricsUrl(wrong), { exitCode: 2 }, wrong);
});
