/** How a field is read: a scalar of Protocol Buffers, or another message. */
export type FieldKind = ScalarKind | { readonly message: MessageName };
export type ScalarKind = 'uint32' | 'uint64' | 'float' | 'double' | 'bool' | 'string' | 'bytes';

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly isRepeated?: true;
  /** Only one of these is set: the last that came. */
  readonly isOneOf?: true;
}

export type MessageName = keyof typeof fields;

type Fields = Readonly<Record<number, Field>>;

const scalar = (name: string, kind: ScalarKind): Field => ({ name, kind });
const message = (name: string, of: string): Field => ({ name, kind: { message: of as MessageName } });
const many = (field: Field): Field => ({ ...field, isRepeated: true });

/** The members of the union that a value is, from this field number on. */
function values(first: number, ...more: readonly Field[]): Fields {
  const kinds = ['uint32', 'uint64', 'float', 'double', 'bool', 'string'] as const;
  const all = [...kinds.map((kind) => scalar('value', kind)), ...more];
  return Object.fromEntries(all.map((field, i) => [first + i, { ...field, isOneOf: true as const }]));
}

/** Every field of the messages of Sparkplug B, by its number, as specified in Sparkplug 3.0, 6.4. What is an extension is passed over. */
const fields = {
  Payload: {
    1: scalar('timestamp', 'uint64'),
    2: many(message('metrics', 'Metric')),
    3: scalar('seq', 'uint64'),
    4: scalar('uuid', 'string'),
    5: scalar('body', 'bytes'),
  },
  Metric: {
    1: scalar('name', 'string'),
    2: scalar('alias', 'uint64'),
    3: scalar('timestamp', 'uint64'),
    4: scalar('datatype', 'uint32'),
    5: scalar('isHistorical', 'bool'),
    6: scalar('isTransient', 'bool'),
    7: scalar('isNull', 'bool'),
    8: message('metadata', 'MetaData'),
    9: message('properties', 'PropertySet'),
    ...values(10, scalar('value', 'bytes'), message('value', 'DataSet'), message('value', 'Template')),
  },
  MetaData: {
    1: scalar('isMultiPart', 'bool'),
    2: scalar('contentType', 'string'),
    3: scalar('size', 'uint64'),
    4: scalar('seq', 'uint64'),
    5: scalar('fileName', 'string'),
    6: scalar('fileType', 'string'),
    7: scalar('md5', 'string'),
    8: scalar('description', 'string'),
  },
  PropertySet: { 1: many(scalar('keys', 'string')), 2: many(message('values', 'PropertyValue')) },
  PropertySetList: { 1: many(message('propertyset', 'PropertySet')) },
  PropertyValue: {
    1: scalar('type', 'uint32'),
    2: scalar('isNull', 'bool'),
    ...values(3, message('value', 'PropertySet'), message('value', 'PropertySetList')),
  },
  DataSet: {
    1: scalar('numOfColumns', 'uint64'),
    2: many(scalar('columns', 'string')),
    3: many(scalar('types', 'uint32')),
    4: many(message('rows', 'Row')),
  },
  Row: { 1: many(message('elements', 'DataSetValue')) },
  DataSetValue: values(1),
  Template: {
    1: scalar('version', 'string'),
    2: many(message('metrics', 'Metric')),
    3: many(message('parameters', 'Parameter')),
    4: scalar('templateRef', 'string'),
    5: scalar('isDefinition', 'bool'),
  },
  Parameter: { 1: scalar('name', 'string'), 2: scalar('type', 'uint32'), ...values(3) },
} as const satisfies Record<string, Fields>;

export const sparkplugSchema: Readonly<Record<MessageName, Fields>> = fields;

/** The names of data types, by their numbers. */
export const dataTypes: readonly string[] = [
  'Unknown Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float Double Boolean String',
  'DateTime Text UUID DataSet Bytes File Template PropertySet PropertySetList',
  'Int8Array Int16Array Int32Array Int64Array UInt8Array UInt16Array UInt32Array UInt64Array',
  'FloatArray DoubleArray BooleanArray StringArray DateTimeArray',
].flatMap((line) => line.split(' '));
