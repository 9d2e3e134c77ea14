import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8, encodeUtf8, isValidUtf8 } from './utf8.ts';

const oracle = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function agrees(bytes: Uint8Array): void {
  let expected: string | undefined;
  try {
    expected = oracle.decode(bytes);
  } catch {
    expected = undefined;
  }
  const isValid = expected !== undefined && !expected.includes('\0');
  assert.equal(isValidUtf8(bytes, 0, bytes.length), isValid, bytes.toString());
  if (isValid) assert.equal(decodeUtf8(bytes, 0, bytes.length), expected);
  else assert.throws(() => decodeUtf8(bytes, 0, bytes.length), { name: 'ProtocolError', reasonCode: 0x81 });
}

describe('isValidUtf8 and decodeUtf8', () => {
  it('agree with TextDecoder on every sequence of two bytes [MQTT-1.5.4-1] [MQTT311-1.5.3-1]', () => {
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) agrees(Uint8Array.of(first, second));
    }
  });

  it('agree with TextDecoder on random and nearly valid bytes [MQTT-1.5.4-1] [MQTT311-1.5.3-1]', () => {
    const edge = fc.constantFrom(0, 0x24, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff);
    const nearlyValid = fc.tuple(fc.string({ unit: 'binary', maxLength: 30 }), fc.nat(), fc.option(edge)).map(([text, position, byte]) => {
      const bytes = new TextEncoder().encode(text);
      if (byte !== null && bytes.length > 0) bytes[position % bytes.length] = byte;
      return bytes;
    });
    const random = fc.array(edge, { maxLength: 24 }).map((values) => Uint8Array.from(values));
    fc.assert(fc.property(fc.oneof(nearlyValid, random), agrees), { numRuns: 5000, seed: 1 });
  });

  it('refuse surrogates, overlong forms and values above U+10FFFF [MQTT-1.5.4-1]', () => {
    for (const bytes of [
      [0xed, 0xa0, 0x80],
      [0xed, 0xbf, 0xbf],
      [0xc0, 0xaf],
      [0xe0, 0x80, 0xaf],
      [0xf0, 0x80, 0x80, 0xaf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
    ]) {
      assert.equal(isValidUtf8(Uint8Array.from(bytes), 0, bytes.length), false);
    }
  });

  it('refuse U+0000 wherever it stands [MQTT-1.5.4-2] [MQTT311-1.5.3-2]', () => {
    assert.equal(isValidUtf8(Uint8Array.of(0x61, 0, 0x62), 0, 3), false);
    assert.equal(isValidUtf8(Uint8Array.of(0x61, 0, 0x62), 0, 1), true);
  });

  it('keep U+FEFF and accept control characters and non-characters [MQTT-1.5.4-3] [MQTT311-1.5.3-3]', () => {
    for (const text of ['\ufeff', '\ufeffa\ufeff', '\u0001', '\u009f', '\uffff', '\u{10ffff}']) {
      const bytes = encodeUtf8(text);
      assert.equal(decodeUtf8(bytes, 0, bytes.length), text);
    }
  });

  it('read Buffers', () => {
    const bytes = Buffer.from('xx grüße aus dem Tal, wo man lange Themen schreibt xx');
    assert.equal(decodeUtf8(bytes, 3, bytes.length - 3), 'grüße aus dem Tal, wo man lange Themen schreibt');
  });
});

describe('encodeUtf8', () => {
  it('refuses what may not travel [MQTT-1.5.4-1] [MQTT-1.5.4-2]', () => {
    assert.throws(() => encodeUtf8('a\udc00'), { clause: 'MQTT-1.5.4-1' });
    assert.throws(() => encodeUtf8('a\0'), { clause: 'MQTT-1.5.4-2' });
  });
});
