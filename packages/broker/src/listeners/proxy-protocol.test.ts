import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';
import { parseProxyHeader, proxyHeaderBytesMax, ProxyProtocolError } from './proxy-protocol.ts';
import { proxyV2, proxyV2WithChecksum, tlv, tlvSsl } from './test-proxy-header.ts';

const v4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 0x07, 0x5b]);
const v6 = Buffer.from('20010db8000000000000000000000007000000000000000000000000000000013039075b', 'hex');

const good: [string, Buffer, unknown][] = [
  ['version 1, IPv4', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 12345 1883\r\n'), { address: '192.0.2.1', port: 12345 }],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::7 ::1 0 65535\r\n'), { address: '2001:db8::7', port: 0 }],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ['version 1, unknown with junk', Buffer.from('PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\n'), null],
  ['version 2, IPv4', proxyV2({ command: 1, family: 0x11, body: v4 }), { address: '192.0.2.1', port: 12345 }],
  ['version 2, IPv6', proxyV2({ command: 1, family: 0x21, body: v6 }), { address: '2001:db8::7', port: 12345 }],
  [
    'version 2, IPv4 in IPv6',
    proxyV2({ command: 1, family: 0x21, body: Buffer.from('00000000000000000000ffffc0000201'.padEnd(64, '0') + '3039075b', 'hex') }),
    { address: '192.0.2.1', port: 12345 },
  ],
  ['version 2, Unix', proxyV2({ command: 1, family: 0x31, body: Buffer.alloc(216) }), { address: '', port: 0 }],
  ['version 2, unspecified', proxyV2({ command: 1, family: 0x00, body: Buffer.alloc(0) }), null],
  ['version 2, LOCAL', proxyV2({ command: 0, family: 0x00, body: Buffer.alloc(0) }), null],
  ['version 2, LOCAL with a body to skip', proxyV2({ command: 0, family: 0x11, body: Buffer.alloc(33, 0xff) }), null],
  [
    'version 2, unknown fields',
    proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, tlv(0x04, Buffer.alloc(9)), tlv(0xe0, Buffer.alloc(0))]) }),
    { address: '192.0.2.1', port: 12345 },
  ],
  ['version 2, with its checksum', proxyV2WithChecksum(v4, crc32c), { address: '192.0.2.1', port: 12345 }],
  [
    'version 2, as long as allowed',
    proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, tlv(4, Buffer.alloc(2048 - 12 - 3))]) }),
    { address: '192.0.2.1', port: 12345 },
  ],
];

for (const [name, bytes, source] of good) {
  test(`${name}: the source is told whatever follows, and no part of the header is enough`, () => {
    assert.deepEqual(parseProxyHeader(Buffer.concat([bytes, Buffer.from('\x10\x00rest')])), { length: bytes.length, source, tls: null });
    for (let length = 0; length < bytes.length; length++) assert.equal(parseProxyHeader(bytes.subarray(0, length)), null);
  });
}

const bad: [string, Buffer][] = [
  ['an MQTT CONNECT', Buffer.from([0x10])],
  ['a TLS hello', Buffer.from([0x16, 3, 1])],
  ['lower case', Buffer.from('proxy TCP4')],
  ['no line end in 107 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
  ['two spaces', Buffer.from('PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n')],
  ['a missing port', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n')],
  ['a leading zero', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n')],
  ['a port beyond 65535', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n')],
  ['IPv6 under TCP4', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
  ['a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
  ['another family', Buffer.from('PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n')],
  ['a bare line feed', Buffer.from(`PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n${'\n'.repeat(80)}`)],
  ['version 3', proxyV2({ version: 3, command: 1, family: 0x11, body: v4 })],
  ['command 2', proxyV2({ command: 2, family: 0x11, body: v4 })],
  ['family 4', proxyV2({ command: 1, family: 0x41, body: v4 })],
  ['datagrams', proxyV2({ command: 1, family: 0x12, body: v4 })],
  ['addresses cut short', proxyV2({ command: 1, family: 0x11, body: v4.subarray(1) })],
  ['a length beyond 2048', proxyV2({ command: 1, family: 0x11, body: Buffer.alloc(2049) }).subarray(0, 16)],
  ['a wrong checksum', proxyV2WithChecksum(v4, (bytes) => crc32c(bytes) ^ 1)],
  ['a checksum of three bytes', proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, tlv(3, Buffer.alloc(3))]) })],
  ['a field cut short', proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, Buffer.from([4, 0])]) })],
  ['a field longer than the header', proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, Buffer.from([4, 0, 9, 1])]) })],
  ['an SSL field cut short', proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, tlv(0x20, Buffer.alloc(4))]) })],
  ['a common name with a line end', proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, tlvSsl({ commonName: 'a\r\nb' })]) })],
  [
    'a common name that is no UTF-8',
    proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, tlvSsl({ commonName: Buffer.from([0xff]) })]) }),
  ],
];

for (const [name, bytes] of bad) {
  test(`${name} is no PROXY header`, () => assert.throws(() => parseProxyHeader(bytes), ProxyProtocolError));
}

test('the checksum is CRC-32C', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
});

test('a common name counts only when the proxy has verified the certificate', () => {
  const tlsOf = (ssl: Buffer) =>
    parseProxyHeader(proxyV2({ command: 1, family: 0x11, body: Buffer.concat([v4, ssl, tlv(2, Buffer.from('host.example'))]) }))!.tls;
  const facts = { protocol: 'TLSv1.3', serverName: 'host.example' };
  assert.deepEqual(tlsOf(tlvSsl({ commonName: 'me' })), { ...facts, certificate: { commonName: 'me', subject: '', fingerprint256: '' } });
  assert.deepEqual(tlsOf(tlvSsl({ commonName: 'me', verify: 1 })), { ...facts, certificate: null });
  assert.deepEqual(tlsOf(tlvSsl({ commonName: 'me', client: 1 })), { ...facts, certificate: null });
  assert.equal(tlsOf(tlvSsl({ commonName: 'me', client: 6 })), null);
});

test('whatever comes, the parser answers or refuses, and never asks for more than its bound', () => {
  const starts = [
    Buffer.from('PROXY TCP4 '),
    proxyV2({ command: 1, family: 0x11, body: v4 }),
    proxyV2({ command: 1, family: 0x21, body: v6 }).subarray(0, 14),
    Buffer.alloc(0),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 2300 }), (start, tail) => {
      const bytes = Buffer.concat([start, tail]);
      try {
        const header = parseProxyHeader(bytes);
        assert.ok(header === null ? bytes.length < proxyHeaderBytesMax : header.length <= bytes.length);
      } catch (error) {
        assert.ok(error instanceof ProxyProtocolError);
      }
    }),
    { seed: 20261121, numRuns: 2000 },
  );
});
