import { guidValue, tenantValue } from '../../shared/entra-values.ts';
import {
  accept,
  type Fault,
  type Parsed,
  refuse,
  type ValueType,
} from '../../shared/option-table.ts';
import { choiceValue } from '../../shared/option-values.ts';
import { hasControlCharacter } from '../../shared/untrusted-text.ts';
import type { IdentityPolicy, KnownIdentity } from '../protocol/identity.ts';
import { readSettingFile } from './read-setting-file.ts';
import { fileValue } from './values.ts';

/** An entry of IMDS_PROXY_IDENTITIES. All values but the path are in lower case. */
export interface ConfiguredIdentity {
  readonly clientId: string;
  /** Undefined: AZURE_TENANT_ID. */
  readonly tenantId: string | undefined;
  readonly objectId: string | undefined;
  readonly resourceId: string | undefined;
  /** Undefined: the mode of the pod. */
  readonly mode: 'federation' | 'binding' | undefined;
  /** Absolute path of a projected ServiceAccount token. Undefined: AZURE_FEDERATED_TOKEN_FILE. */
  readonly tokenFile: string | undefined;
}

/** The ARM ID of a resource, such as a user-assigned managed identity, in lower case. */
const resourceIdValue: ValueType<string> = {
  label: 'resource-id',
  parse(text) {
    const shape =
      /^\/subscriptions\/[^/\s]+\/resourcegroups\/[^/\s]+\/providers\/[^/\s]+(?:\/[^/\s]+){2}$/;
    const resourceId = text.toLowerCase();
    if (shape.test(resourceId)) return accept(resourceId);
    return refuse(
      'is not the resource ID of an identity',
      'write /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…',
    );
  },
};

/** A resource as it is written in requests. */
export const resourceValue: ValueType<string> = {
  label: 'resource',
  parse(text) {
    // No application ID URI contains these characters. They mean a list in another notation.
    if (text.length <= 2_048 && !/[[\]{}"'|;*]/.test(text) && !hasControlCharacter(text)) {
      return accept(text);
    }
    return refuse(
      'is not a resource',
      'write resources as in requests, such as https://vault.azure.net, separated by commas, without quotes, brackets or wildcards',
    );
  },
};

const entryTypes: Readonly<Record<keyof ConfiguredIdentity, ValueType<string>>> = {
  clientId: guidValue,
  tenantId: tenantValue,
  objectId: guidValue,
  resourceId: resourceIdValue,
  mode: choiceValue(['federation', 'binding']),
  tokenFile: fileValue,
};

const example = '[{"clientId":"…","tenantId":"…","objectId":"…","resourceId":"/subscriptions/…"}]';

/** The identity map: JSON, or `@` and the path of a file that holds it. */
export const identitiesValue: ValueType<readonly ConfiguredIdentity[]> = {
  label: 'json|@path',
  show: (identities) => identities.length,
  parse(text) {
    if (!text.startsWith('@')) return parseIdentities(text);
    const path = text.slice(1);
    if (!path.startsWith('/')) {
      return refuse('is not @ and an absolute path', 'write @ and a path that starts with /');
    }
    const file = readSettingFile(path);
    if (!file.ok) {
      const isOther = file.code === 'EINVAL' || file.code === 'EFBIG';
      const fix = isOther
        ? 'set the path of the file with the list'
        : 'mount the file, or make it readable to the proxy';
      return refuse(file.fault, fix);
    }
    const parsed = parseIdentities(file.content);
    return parsed.ok ? parsed : { ...parsed, at: ` in ${path}${parsed.at ?? ''}` };
  },
};

function parseIdentities(json: string): Parsed<readonly ConfiguredIdentity[]> {
  const shown = 'the value';
  let entries: unknown;
  try {
    entries = parseJson(json);
  } catch {
    return refuse('is not JSON', `write a list like ${example}`, { shown });
  }
  if (!Array.isArray(entries))
    return refuse('is not a list', `write it like ${example}`, { shown });

  const identities: ConfiguredIdentity[] = [];
  const taken = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const at = `, entry ${index + 1}`;
    const parsed = parseEntry(entry, at);
    if (!parsed.ok) return parsed;
    for (const key of ['clientId', 'objectId', 'resourceId'] as const) {
      const value = parsed.value[key];
      if (value === undefined) continue;
      const other = taken.get(`${key} ${value}`);
      if (other !== undefined) {
        const fix = 'remove one of them: a request must match one identity';
        return refuse(`is also in entry ${other}`, fix, {
          at: `${at}, ${key}`,
          shown: JSON.stringify(value),
        });
      }
      taken.set(`${key} ${value}`, index + 1);
    }
    identities.push(parsed.value);
  }
  return accept(identities);
}

/** JSON, also with single quotes: hints print entries so, because a log line would escape double ones. */
function parseJson(text: string): unknown {
  return JSON.parse(text.includes('"') ? text : text.replaceAll("'", '"'));
}

function parseEntry(entry: unknown, at: string): Parsed<ConfiguredIdentity> {
  const shown = 'the value';
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return refuse('is not an object', `write it like ${example}`, { at, shown });
  }
  const found: { -readonly [Key in keyof ConfiguredIdentity]?: ConfiguredIdentity[Key] } = {};
  for (const [key, value] of Object.entries(entry)) {
    if (!isEntryKey(key)) {
      const keys = Object.keys(entryTypes).join(', ');
      return refuse('is not a known key', `use ${keys}`, { at, shown: JSON.stringify(key) });
    }
    const where = { at: `${at}, ${key}`, shown: JSON.stringify(value) };
    if (typeof value !== 'string') return refuse('is not a string', 'write it in quotes', where);
    const parsed = entryTypes[key].parse(value);
    if (!parsed.ok) return { ...where, ...parsed };
    Object.assign(found, { [key]: parsed.value });
  }
  const { clientId, tenantId, objectId, resourceId, mode, tokenFile } = found;
  if (clientId === undefined) return missingClientId(at);
  return accept({ clientId, tenantId, objectId, resourceId, mode, tokenFile });
}

function missingClientId(at: string): Fault {
  return refuse('has no clientId', 'add it: Entra identifies the identity by it', {
    at,
    shown: 'the object',
  });
}

function isEntryKey(key: string): key is keyof ConfiguredIdentity {
  return Object.hasOwn(entryTypes, key);
}

/** Which identities and resources requests may name. */
export function toIdentityPolicy({
  clientId: defaultClientId,
  tenantId: defaultTenantId,
  identities: configured,
  allowedClientIds,
  allowedResources,
}: {
  readonly clientId?: string | undefined;
  readonly tenantId: string;
  readonly identities: readonly ConfiguredIdentity[];
  readonly allowedClientIds?: readonly string[] | undefined;
  readonly allowedResources?: readonly string[] | undefined;
}): IdentityPolicy {
  const identities = configured.map(
    ({ clientId, tenantId, objectId, resourceId }): KnownIdentity => ({
      clientId,
      tenantId: tenantId ?? defaultTenantId,
      objectId,
      resourceId,
    }),
  );
  let defaultIdentity = identities.find(({ clientId }) => clientId === defaultClientId);
  if (defaultIdentity === undefined && defaultClientId !== undefined) {
    defaultIdentity = { clientId: defaultClientId, tenantId: defaultTenantId };
    identities.unshift(defaultIdentity);
  }
  return {
    defaultIdentity,
    identities,
    defaultTenantId,
    allowedClientIds: allowedClientIds && new Set(allowedClientIds),
    allowedResources,
  };
}
