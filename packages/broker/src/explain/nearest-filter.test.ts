import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestFilter } from './nearest-filter.ts';

function nearest(topic: string, ...filters: string[]): string | null {
  return (
    nearestFilter(
      topic,
      filters.map((filter) => ({ filter })),
    )?.filter ?? null
  );
}

for (const [topic, filters, wanted] of [
  ['home/kitchen/temp', ['home/bedroom/temp', 'home/Kitchen/temp'], 'home/Kitchen/temp'],
  ['home/kitchen/temp', ['home/kitchn/temp', 'home/bedroom/temp'], 'home/kitchn/temp'],
  ['home/kitchen/temp', ['home/ktichen/temp', 'office/kitchen/light'], 'home/ktichen/temp'],
  ['home/kitchen/temp', ['home/kitchen', 'a/b/c'], 'home/kitchen'],
  ['home/kitchen/temp', ['home/kitchen/temp/set'], 'home/kitchen/temp/set'],
  ['home/kitchen/temp', ['office/#', 'home/bed/#'], 'home/bed/#'],
  ['home/kitchen/temp', ['/home/kitchen/temp', 'home/x/y'], '/home/kitchen/temp'],
  ['/home/kitchen', ['home/kitchen'], 'home/kitchen'],
  ['home/kitchen/temp', ['+/kitchen/light', '+/+/+/+'], '+/kitchen/light'],
  ['home/kitchen/temp', ['office/light', '$SYS/#'], null],
  ['home/kitchen/temp', [], null],
] as const) {
  test(`${wanted ?? 'nothing'} is nearest to ${topic} among ${filters.join(', ') || 'none'}`, () => {
    assert.equal(nearest(topic, ...filters), wanted);
  });
}
