import { isGuid } from '../../shared/guid.ts';
import { hasControlCharacter } from '../../shared/untrusted-text.ts';
import { Refusal } from './refusal.ts';

/** Which resources have a service principal in the tenant: all that could exist, or these. */
export type KnownResources = 'any' | readonly string[];

const suffix = '/.default';

/**
 * The resource of a client-credentials scope: everything before the last slash, as Entra takes it, so that
 * `https://database.windows.net//.default` means `https://database.windows.net/` and becomes `aud` so.
 * @throws Refusal 70011, 1002012, 700022 (or 28002 for a scope of OpenID Connect alone)
 */
export function toResource(scope: string): string {
  const given = scope.split(/\s+/).filter((part) => part !== '');
  if (given.length === 0) throw new Refusal(70011, { scope });
  // MSAL Go sends `openid offline_access profile` with every scope, and Entra takes no notice of them.
  const scopes = given.filter((part) => !/^(openid|profile|email|offline_access)$/.test(part));
  const [first] = scopes;
  if (first === undefined) throw new Refusal(28002, { scope });
  if (!scopes.every((part) => part.endsWith(suffix))) throw new Refusal(1002012, { scope });
  if (scopes.length > 1) throw new Refusal(700022, { scope });
  const resource = first.slice(0, -suffix.length);
  if (resource === '' || hasControlCharacter(resource)) throw new Refusal(70011, { scope });
  return resource;
}

/**
 * Whether the tenant knows the resource. A list is compared without regard to case and to one slash at the
 * end, as identifier URIs are; `any` takes every absolute URI and GUID.
 */
export function isKnownResource(resource: string, known: KnownResources): boolean {
  if (known === 'any') return isGuid(resource) || /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(resource);
  const wanted = toComparable(resource);
  return known.some((one) => toComparable(one) === wanted);
}

function toComparable(resource: string): string {
  return resource.replace(/\/$/, '').toLowerCase();
}
