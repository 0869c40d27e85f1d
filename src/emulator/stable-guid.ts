import { createHash } from 'node:crypto';

/**
 * A GUID that is always the same for the same parts: identities keep their IDs when the emulator starts
 * again, so configurations with these IDs still work.
 */
export function toStableGuid(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\n')).digest('hex');
  // Version 8 (made by a rule of one's own) and the RFC 9562 variant.
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
