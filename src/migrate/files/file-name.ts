import { createHash } from 'node:crypto';

/** Names of files leave room for a kind and an extension. */
const longestName = 80;

/** Names that Windows has for devices. */
const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/;

/**
 * A name of a file or folder for the name of an object, which somebody else has chosen. A name as Kubernetes demands
 * it stays as it is. Any other gets a hash, so that two names never become one, also where file systems ignore case.
 */
export function toFileName(name: string): string {
  const isPlain = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name) && !name.includes('..');
  if (isPlain && name.length <= longestName && !reserved.test(name)) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 12);
  const readable = name
    .slice(0, longestName)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return readable === '' ? `x-${hash}` : `${readable}-${hash}`;
}
