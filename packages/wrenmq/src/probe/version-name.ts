import type { ProtocolVersion } from '@wrenmq/codec';

/** As people write it: 3.1, 3.1.1, 5.0. */
export function versionName(version: ProtocolVersion): string {
  return { 3: '3.1', 4: '3.1.1', 5: '5.0' }[version];
}
