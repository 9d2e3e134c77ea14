import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Printable } from '#output/printable.ts';
import { sparkplugDecoder } from './decode-sparkplug.ts';

function message(topic: string, hex: string): Printable {
  return { topic, payload: Buffer.from(hex, 'hex'), qos: 0, retain: false, dup: false, packetId: 0, userProperties: [] };
}

// Encoded by protobufjs 8 with the sparkplug_b.proto of Eclipse Tahu.
const BIRTH =
  '0880f5d5ea9f34120b0a0562645365712004580012160a0454656d7010011880f5d5ea9f34200965cdcca84112110a054c6576656c1002200150ffffffff0f120e0a04436f6c64' +
  '1003200250ffff0312150a04446565701004200458ffffffffffffffffff011800';
const DATA = '08e8fcd5ea9f341208100250d5ffffff0f120410095807120410013801120a0a04436f6c6450fdff031801';
const RICH =
  '12250a0373657420108a011b08021201611201621803180c220d0a0608ffffffff0f0a0332017812280a0374706c201392011e0a017612070a016d200b70011a0b0a0170100318' +
  'ffffffff0f220154280012170a037261772011420908001203782f79180282010200ff120e0a036172722017820104ffff010012110a046269747320208201060c00000034d0' +
  '12110a05776f7264732021820105610062630012480a0470726f70200a4a350a01710a02696e0a046c6973741205080318c001120e08144a0a0a01751205080c420143120f0815' +
  '520b0a090a017a1204080b1001699a9999999999b93f';

test('a birth certificate has names, types, and values as their types have them', () => {
  const shown = sparkplugDecoder()(message('spBv1.0/g/NBIRTH/n', BIRTH));
  assert.deepEqual(JSON.parse(shown), {
    timestamp: 1_795_251_600_000,
    metrics: [
      { name: 'bdSeq', datatype: 'Int64', value: 0 },
      { name: 'Temp', alias: 1, timestamp: 1_795_251_600_000, datatype: 'Float', value: 21.1 },
      { name: 'Level', alias: 2, datatype: 'Int8', value: -1 },
      { name: 'Cold', alias: 3, datatype: 'Int16', value: -1 },
      { name: 'Deep', alias: 4, datatype: 'Int64', value: -1 },
    ],
    seq: 0,
  });
});

test('later messages are read with what the birth certificate of their edge node said, until the next one', () => {
  const decode = sparkplugDecoder();
  const metricsOf = (topic: string, hex: string): unknown => (JSON.parse(decode(message(topic, hex))) as { metrics: unknown }).metrics;
  const unknown = [
    { alias: 2, value: 4_294_967_253 },
    { alias: 9, value: 7 },
    { alias: 1, value: null },
    { name: 'Cold', value: 65_533 },
  ];
  assert.deepEqual(metricsOf('spBv1.0/g/NDATA/n', DATA), unknown);
  decode(message('spBv1.0/g/NBIRTH/n', BIRTH));
  assert.deepEqual(metricsOf('spBv1.0/g/DDATA/n/device', DATA), [
    { name: 'Level', alias: 2, datatype: 'Int8', value: -43 },
    { alias: 9, value: 7 },
    { name: 'Temp', alias: 1, datatype: 'Float', value: null },
    { name: 'Cold', datatype: 'Int16', value: -3 },
  ]);
  assert.deepEqual(metricsOf('spBv1.0/g/NDATA/other', DATA), unknown);
  decode(message('spBv1.0/g/DBIRTH/n/device', RICH));
  assert.notDeepEqual(metricsOf('spBv1.0/g/NDATA/n', DATA), unknown, 'a device does not take its edge node away');
  decode(message('spBv1.0/g/NBIRTH/n', '1800'));
  assert.deepEqual(metricsOf('spBv1.0/g/NDATA/n', DATA), unknown);
});

test('data sets, templates, properties, bytes and arrays', () => {
  const { metrics } = JSON.parse(sparkplugDecoder()(message('spBv1.0/g/DBIRTH/n/d', RICH))) as { metrics: Record<string, unknown>[] };
  const properties = {
    q: { type: 'Int32', value: 192 },
    in: { type: 'PropertySet', value: { u: { type: 'String', value: 'C' } } },
    list: { type: 'PropertySetList', value: [{ z: { type: 'Boolean', value: null } }] },
  };
  const bits = [false, false, true, true, false, true, false, false, true, true, false, true];
  assert.deepEqual(metrics, [
    { name: 'set', datatype: 'DataSet', value: { columns: ['a', 'b'], types: ['Int32', 'String'], rows: [[-1, 'x']] } },
    {
      name: 'tpl',
      datatype: 'Template',
      value: {
        version: 'v',
        templateRef: 'T',
        isDefinition: false,
        metrics: [{ name: 'm', datatype: 'Boolean', value: true }],
        parameters: [{ name: 'p', type: 'Int32', value: -1 }],
      },
    },
    { name: 'raw', datatype: 'Bytes', metadata: { isMultiPart: false, contentType: 'x/y', size: 2 }, value: 'AP8=' },
    { name: 'arr', datatype: 'Int16Array', value: [-1, 1] },
    { name: 'bits', datatype: 'BooleanArray', value: bits },
    { name: 'words', datatype: 'StringArray', value: ['a', 'bc'] },
    { name: 'prop', datatype: 'Double', properties, value: 0.1 },
  ]);
});

const VALUES: readonly (readonly [metric: string, shown: string])[] = [
  // All digits of 64 bits, with a sign and without.
  ['58ffffffffffffffffff01', '{"value":18446744073709551615}'],
  ['200858ffffffffffffffffff01', '{"datatype":"UInt64","value":18446744073709551615}'],
  ['20045880808080808080808001', '{"datatype":"Int64","value":-9223372036854775808}'],
  // Some write a signed number of 32 bits into 64.
  ['200358ffffffff0f', '{"datatype":"Int32","value":-1}'],
  ['200758ffffffff0f', '{"datatype":"UInt32","value":4294967295}'],
  // What JSON has no numbers for.
  ['650000c07f', '{"value":"NaN"}'],
  ['69000000000000f0ff', '{"value":"-Infinity"}'],
  // Of a union, the last that came.
  ['50017a0161', '{"value":"a"}'],
  // A data type that nobody knows.
  ['20635001', '{"datatype":99,"value":1}'],
  // An extension, and a group.
  ['a2010161ab0108015200ac015001', '{"value":1}'],
  // A message in two parts.
  ['42021800420208015001', '{"metadata":{"size":0,"isMultiPart":true},"value":1}'],
];

for (const [metric, shown] of VALUES)
  test(`a metric of ${metric} is ${shown}`, () => {
    const hex = `12${(metric.length / 2).toString(16).padStart(2, '0')}${metric}`;
    assert.equal(sparkplugDecoder()(message('a', hex)), `{"metrics":[${shown}]}`);
  });

test('types of a data set may stand in one piece', () => {
  const set = '1201611a010322080a0608ffffffff0f';
  const metric = `8a01${(set.length / 2).toString(16).padStart(2, '0')}${set}`;
  const hex = `12${(metric.length / 2).toString(16).padStart(2, '0')}${metric}`;
  assert.equal(sparkplugDecoder()(message('a', hex)), '{"metrics":[{"value":{"columns":["a"],"types":["Int32"],"rows":[[-1]]}}]}');
});

test('the state of a host application is JSON already', () => {
  const state = '{"online":true,"timestamp":1}';
  assert.equal(sparkplugDecoder()(message('spBv1.0/STATE/host', Buffer.from(state).toString('hex'))), state);
});

const WRONG: readonly (readonly [hex: string, what: RegExp])[] = [
  ['68656c6c6f', /it has no field of Sparkplug B|ends too early|wire type/],
  ['08', /ends too early/],
  ['08ffffffffffffffffffff01', /more than ten bytes/],
  ['1205500112', /ends too early/],
  ['0d00000000', /Payload\.timestamp has the wire type 5/],
  ['1001', /Payload\.metrics has the wire type 0/],
  ['0001', /a field has the number 0/],
  ['0f', /field 1 has the wire type 7|wire type 7/],
  ['2202c328', /not valid/],
  ['1206201782010100', /items of 2 bytes has 1/],
  ['120920208201040c0000', /ends too early/],
];

for (const [hex, what] of WRONG)
  test(`${hex} is refused: ${what.source}`, () => assert.throws(() => sparkplugDecoder()(message('a', hex)), what));

test('whatever comes is read, or refused with an Error that says why', () => {
  const decode = sparkplugDecoder();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom('NBIRTH', 'DDATA'), (bytes, kind) => {
      try {
        JSON.parse(decode(message(`spBv1.0/g/${kind}/n`, Buffer.from(bytes).toString('hex'))));
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
        assert.doesNotMatch(error.message, /undefined|null|not a function/);
      }
    }),
    { seed: 20_261_121, numRuns: 2000 },
  );
});
