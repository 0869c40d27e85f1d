import { isGuid } from '../../shared/guid.ts';
import { Refusal } from './refusal.ts';

/** A token request whose parameters are all there. */
export interface TokenRequest {
  readonly clientId: string;
  readonly scope: string;
  readonly assertion: string;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * The client-credentials request in a form.
 * @throws Refusal 900144, 70003, 7000218, 7000215 or 90011
 */
export function toTokenRequest(form: URLSearchParams): TokenRequest {
  const grantType = requireParameter(form, 'grant_type');
  if (grantType !== 'client_credentials') throw new Refusal(70003, { name: grantType });
  const clientId = requireParameter(form, 'client_id');
  const scope = requireParameter(form, 'scope');
  return { clientId, scope, assertion: requireAssertion(form, clientId) };
}

function requireAssertion(form: URLSearchParams, clientId: string): string {
  const assertion = form.get('client_assertion') ?? '';
  if (assertion === '') {
    // A secret alone is another way to authenticate; no identity here has one.
    if (form.has('client_secret')) throw new Refusal(7000215, { clientId });
    throw new Refusal(7000218);
  }
  if (requireParameter(form, 'client_assertion_type') !== assertionType) throw new Refusal(90011);
  return assertion;
}

function requireParameter(form: URLSearchParams, name: string): string {
  const value = form.get(name) ?? '';
  if (value === '') throw new Refusal(900144, { name });
  return value;
}

/**
 * Checks the tenant segment of a path for its form alone.
 * @throws Refusal 50059 for the shared tenants, 900023 for a segment that is neither a GUID nor a domain
 */
export function assertTenantForm(tenant: string): void {
  if (/^(common|organizations|consumers)$/i.test(tenant)) throw new Refusal(50059);
  const isDomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/i.test(
    tenant,
  );
  if (!isGuid(tenant) && !isDomain) throw new Refusal(900023, { tenant });
}
