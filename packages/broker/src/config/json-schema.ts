import { z } from 'zod';
import { configSchema } from './schema.ts';
import { listenerSchema } from './schema-listeners.ts';
import { jsonOf } from './schema-key.ts';

/** The JSON Schema of the configuration file, for editors and `wrenmq config schema`. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      Object.assign(jsonSchema, jsonOf(zodSchema as unknown as z.ZodType));
      // A file may change one key of a listener that exists by default: what a new one needs is for the loader to say.
      if (zodSchema === (listenerSchema as unknown)) delete jsonSchema.required;
    },
  });
  return { ...schema, title: 'WrenMQ configuration' };
}
