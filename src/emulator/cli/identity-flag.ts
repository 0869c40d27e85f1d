import type { IdentityInput } from '../entra-tenant/identity.ts';
import { parseIdentity } from '../entra-tenant/parse-identity.ts';
import { InputError } from '../input.ts';

const keys = [
  'name',
  'kind',
  'tenant-id',
  'client-id',
  'object-id',
  'resource-id',
  'issuer',
  'subject',
  'audience',
  'federated',
  'disabled',
  'binding',
] as const;
type Key = (typeof keys)[number];

/**
 * Reads an identity such as `name=app,subject=system:serviceaccount:ns:sa`. What of issuer, subject and
 * audience is left open is as in the token file.
 * @throws InputError
 */
export function parseIdentityFlag(value: string): IdentityInput {
  const pairs = toPairs(value);
  return parseIdentity({
    name: pairs.get('name'),
    kind: pairs.get('kind'),
    tenantId: pairs.get('tenant-id'),
    clientId: pairs.get('client-id'),
    objectId: pairs.get('object-id'),
    resourceId: pairs.get('resource-id'),
    binding: pairs.get('binding'),
    disabled: toBoolean(pairs, 'disabled'),
    credentials: toCredentials(pairs),
  });
}

function toPairs(value: string): ReadonlyMap<Key, string> {
  const pairs = new Map<Key, string>();
  for (const part of value.split(',')) {
    const [, name, text] = /^([^=]*)=(.+)$/.exec(part) ?? [];
    const key = keys.find((one) => one === name);
    if (key === undefined || text === undefined) {
      throw new InputError(`"${part}" is not KEY=VALUE with a key of ${keys.join(', ')}`);
    }
    if (pairs.has(key)) throw new InputError(`${key} is given twice`);
    pairs.set(key, text);
  }
  return pairs;
}

function toCredentials(pairs: ReadonlyMap<Key, string>) {
  const credential = {
    issuer: pairs.get('issuer'),
    subject: pairs.get('subject'),
    audience: pairs.get('audience'),
  };
  if (toBoolean(pairs, 'federated') ?? true) return [credential];
  if (Object.values(credential).every((one) => one === undefined)) return [];
  throw new InputError('federated=false does not go with issuer, subject or audience');
}

function toBoolean(pairs: ReadonlyMap<Key, string>, key: Key): boolean | undefined {
  const text = pairs.get(key);
  if (text === undefined) return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InputError(`${key} must be true or false, not "${text}"`);
}
