import { stringifyAnything } from '#output/exact-json.ts';
import type { Printable } from '#output/printable.ts';
import { type Fields, readSparkplug } from './read-sparkplug.ts';
import { SparkplugBirths } from './sparkplug-births.ts';
import { dataTypes } from './sparkplug-schema.ts';
import { isSparkplugState, isSparkplugTopic } from './sparkplug-topic.ts';
import { sparkplugValue } from './sparkplug-value.ts';

/**
 * Makes JSON of payloads of Sparkplug B. Remembers birth certificates: messages after them name metrics by alias and leave out their data types, without
 * which a signed number cannot be told from an unsigned one.
 */
export function sparkplugDecoder(): (message: Printable) => string {
  const births = new SparkplugBirths();
  return ({ topic, payload }) => {
    if (isSparkplugState(topic)) return Buffer.from(payload).toString('utf8');
    const read = readSparkplug(payload);
    const [, group, kind, edgeNode] = isSparkplugTopic(topic) ? topic.split('/') : [];
    const node = `${group}/${edgeNode}`;
    if (kind === 'NBIRTH') births.begin(node);
    const isBirth = kind === 'NBIRTH' || kind === 'DBIRTH';
    const metrics = (read['metrics'] as Fields[] | undefined)?.map((metric) => {
      if (isBirth) declare(births, node, metric);
      return showMetric(known(births, node, metric));
    });
    return stringifyAnything(metrics === undefined ? read : { ...read, metrics });
  };
}

function declare(births: SparkplugBirths, node: string, { name, alias, datatype }: Fields): void {
  if (typeof name !== 'string') return;
  const metric = { name, datatype: datatype as number | undefined };
  births.declare(node, name, metric);
  if (typeof alias === 'bigint') births.declare(node, alias, metric);
}

/** With what its birth certificate said. */
function known(births: SparkplugBirths, node: string, metric: Fields): Fields {
  const key = (metric['name'] ?? metric['alias']) as string | bigint | undefined;
  const born = key === undefined ? undefined : births.find(node, key);
  if (born === undefined) return metric;
  return { name: born.name, ...metric, ...(metric['datatype'] === undefined ? { datatype: born.datatype } : {}) };
}

function showMetric({ name, alias, timestamp, datatype, value, isNull, properties, ...rest }: Fields): Fields {
  return {
    ...present({ name, alias, timestamp, datatype: typeName(datatype), ...rest }),
    ...(properties === undefined ? {} : { properties: showProperties(properties as Fields) }),
    ...(isNull === true || value !== undefined ? { value: isNull === true ? null : showValue(value, datatype) } : {}),
  };
}

function showValue(value: unknown, datatype: unknown): unknown {
  const type = typeName(datatype);
  if (type === 'DataSet' || isMessage(value, 'rows', 'columns')) return showDataSet(value as Fields);
  if (type === 'Template' || isMessage(value, 'metrics', 'parameters')) return showTemplate(value as Fields);
  return sparkplugValue(value, datatype as number | undefined);
}

function isMessage(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.some((name) => Object.hasOwn(value, name));
}

function showDataSet({ columns = [], types = [], rows = [] }: Fields): Fields {
  const datatypes = types as readonly number[];
  const shown = (rows as Fields[]).map(({ elements = [] }) =>
    (elements as Fields[]).map(({ value }, column) => sparkplugValue(value ?? null, datatypes[column])),
  );
  return { columns, types: datatypes.map(typeName), rows: shown };
}

function showTemplate({ metrics, parameters, ...rest }: Fields): Fields {
  const shown = (parameters as Fields[] | undefined)?.map(({ name, type, value }) => ({
    ...present({ name, type: typeName(type) }),
    value: sparkplugValue(value ?? null, type as number | undefined),
  }));
  return present({ ...rest, metrics: (metrics as Fields[] | undefined)?.map(showMetric), parameters: shown });
}

/** Keys and values stand in two lists. */
function showProperties({ keys = [], values = [] }: Fields): Fields {
  const entries = (keys as string[]).map((key, i) => [key, showProperty((values as Fields[])[i] ?? {})] as const);
  return Object.fromEntries(entries);
}

function showProperty({ type, isNull, value }: Fields): Fields {
  const name = typeName(type);
  const shown = (): unknown => {
    if (isMessage(value, 'propertyset')) return ((value as Fields)['propertyset'] as Fields[]).map(showProperties);
    if (name === 'PropertySet' || isMessage(value, 'keys', 'values')) return showProperties(value as Fields);
    return sparkplugValue(value ?? null, type as number | undefined);
  };
  return { ...present({ type: name }), value: isNull === true ? null : shown() };
}

/** A number that has no name stays a number. */
function typeName(datatype: unknown): unknown {
  return typeof datatype === 'number' ? (dataTypes[datatype] ?? datatype) : undefined;
}

function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
