import { writeFileSync } from 'node:fs';
import { conformanceReport } from '#root/test/conformance/conformance-report.ts';

/** Writes docs/conformance.md: `node --conditions=@wrenmq/source scripts/generate-conformance.ts`. */
writeFileSync(new URL('../docs/conformance.md', import.meta.url), conformanceReport().markdown);
