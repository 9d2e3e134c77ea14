import { writeFileSync } from 'node:fs';
import { configurationReference } from '#root/packages/broker/src/config/documentation.ts';

/** Writes docs/configuration.md from the schema: `node --conditions=@wrenmq/source scripts/generate-configuration-docs.ts`. */
writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationReference());
