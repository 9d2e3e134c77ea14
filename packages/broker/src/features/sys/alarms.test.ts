import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { type Alarm, alarmJson, Alarms } from './alarms.ts';
import { Machine, type MachineReading } from './machine.ts';

const idle: MachineReading = { cpuPercent: 10, memoryPercent: 10, isStoreFull: false };
const limits = { cpuHigh: 80, cpuLow: 60, memoryHigh: 70 };

function start() {
  const clock = new FakeClock();
  const told: Alarm[] = [];
  const alarms = new Alarms(clock, limits, (alarm) => void told.push(alarm));
  const look = (reading: Partial<MachineReading>): string[] => {
    alarms.look({ ...idle, ...reading });
    return told.splice(0).map(({ name, deactivatedAtMs }) => `${name} ${deactivatedAtMs === null ? 'on' : 'off'}`);
  };
  return { clock, alarms, look };
}

test('an alarm is told once when it comes and once when it goes', () => {
  const { alarms, look } = start();
  assert.deepEqual(look({}), []);
  assert.deepEqual(look({ memoryPercent: 70 }), [], 'the limit itself is no alarm');
  assert.deepEqual(look({ memoryPercent: 71, isStoreFull: true }), ['high_system_memory_usage on', 'store_full on']);
  assert.deepEqual(look({ memoryPercent: 99, isStoreFull: true }), []);
  assert.deepEqual(
    alarms.active.map(({ name, details }) => [name, details]),
    [
      ['high_system_memory_usage', { usage: 71 }],
      ['store_full', {}],
    ],
  );
  assert.deepEqual(look({ isStoreFull: true }), ['high_system_memory_usage off']);
  assert.deepEqual(look({}), ['store_full off']);
  assert.deepEqual(
    alarms.history.map(({ name }) => name),
    ['store_full', 'high_system_memory_usage'],
  );
});

test('the alarm of the processor goes when it is well below', () => {
  const { look } = start();
  assert.deepEqual(look({ cpuPercent: 81 }), ['high_cpu_usage on']);
  assert.deepEqual(look({ cpuPercent: 61 }), []);
  assert.deepEqual(look({ cpuPercent: 60 }), ['high_cpu_usage off']);
  assert.deepEqual(look({ cpuPercent: 61 }), []);
  assert.deepEqual(look({ cpuPercent: null }), [], 'not known is no alarm');
});

test('what is over is kept for a day, and no more than a thousand', () => {
  const { clock, alarms, look } = start();
  for (let count = 0; count < 1001; count += 1) {
    look({ isStoreFull: true });
    look({});
  }
  assert.equal(alarms.history.length, 1000);
  clock.advance(24 * 3600 * 1000 + 1);
  look({});
  assert.deepEqual(alarms.history, []);
});

test('the JSON is that of EMQX', () => {
  const alarm: Alarm = { name: 'store_full', message: 'm', details: { usage: 1 }, activatedAtMs: 1000, deactivatedAtMs: null };
  assert.deepEqual(JSON.parse(alarmJson(alarm)), {
    name: 'store_full',
    details: { usage: 1 },
    message: 'm',
    activate_at: 1_000_000,
    deactivate_at: 'infinity',
    activated: true,
  });
  const ended = JSON.parse(alarmJson({ ...alarm, deactivatedAtMs: 2000 })) as Record<string, unknown>;
  assert.deepEqual([ended['deactivate_at'], ended['activated']], [2_000_000, false]);
});

test('the machine is read in percent; the first reading knows nothing of the processors', () => {
  const machine = new Machine();
  const { cpuPercent, memoryPercent } = machine.read();
  assert.equal(cpuPercent, null);
  assert.ok(Number.isInteger(memoryPercent) && memoryPercent >= 0 && memoryPercent <= 100);
  const again = machine.read().cpuPercent;
  assert.ok(again === null || (again >= 0 && again <= 100));
});
