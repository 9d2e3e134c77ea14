import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connackReturnCode, reasonName } from './reason-code.ts';

describe('reasonName', () => {
  it('gives the standard name, or the value of an unknown code', () => {
    assert.equal(reasonName(0x87), 'NotAuthorized');
    assert.equal(reasonName(0), 'Success');
    assert.equal(reasonName(0xfe), '0xfe');
    assert.equal(reasonName(3), '0x03');
  });
});

describe('connackReturnCode', () => {
  it('finds the MQTT 3 return code that says the same [MQTT311-3.1.2-2] [MQTT311-3.1.3-8] [MQTT311-3.1.3-9]', () => {
    const expected: [code: number, reasonCodes: number[]][] = [
      [0, [0x00]],
      [1, [0x80, 0x81, 0x82, 0x83, 0x84]],
      [2, [0x85]],
      [3, [0x88, 0x89, 0x8b, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f]],
      [4, [0x86]],
      [5, [0x87, 0x8a, 0x8c]],
    ];
    for (const [code, reasonCodes] of expected) {
      for (const reasonCode of reasonCodes) assert.equal(connackReturnCode(reasonCode), code, reasonName(reasonCode));
    }
  });
});
