import type { JSONWebKeySet } from 'jose';
import { isGuid } from '../../shared/guid.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { toTokenIssuer } from './access-token.ts';
import { Refusal } from './refusal.ts';

/** The documents that a tenant publishes, by path. */
export interface Discovery {
  /**
   * @param origin `https://host:port` as the client named it: all URLs in a document begin with it
   * @returns undefined for a path that has no document
   * @throws Refusal for a tenant that does not exist
   */
  document(path: string, origin: string): Readonly<Record<string, unknown>> | undefined;
}

const segment = '[^/]+';
const openIdPath = new RegExp(`^/(${segment})/(?:(v2\\.0)/)?\\.well-known/openid-configuration$`);
const keysPath = new RegExp(`^/${segment}/discovery/(?:v2\\.0/)?keys$`);
const instancePath = `/common/discovery/instance`;

/**
 * @param options.tenantId whose documents every name that is not a GUID leads to; all tenants share their keys
 * anyway
 */
export function createDiscovery(
  { keys, hasTenant }: { readonly keys: SigningKeys; readonly hasTenant: (id: string) => boolean },
  { tenantId, otherCloud }: { readonly tenantId: string; readonly otherCloud?: string | undefined },
): Discovery {
  return {
    document(path, origin) {
      if (keysPath.test(path)) return toDocument(keys.jwks());
      if (path === instancePath) return toInstanceDocument(tenantId, origin);
      const [, tenant = '', version] = openIdPath.exec(path) ?? [];
      if (tenant === '') return undefined;
      const id = isGuid(tenant) ? tenant.toLowerCase() : tenantId;
      if (!hasTenant(id)) throw new Refusal(90002, { tenant });
      const cloud = otherCloud ?? new URL(origin).host;
      return toOpenIdDocument(id, origin, { isV2: version === 'v2.0', cloud });
    },
  };
}

function toOpenIdDocument(
  tenantId: string,
  origin: string,
  { isV2, cloud }: { readonly isV2: boolean; readonly cloud: string },
) {
  const base = `${origin}/${tenantId}`;
  const version = isV2 ? '/v2.0' : '';
  return {
    token_endpoint: `${base}/oauth2${version}/token`,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    jwks_uri: `${base}/discovery${version}/keys`,
    response_modes_supported: ['query'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid'],
    issuer: isV2 ? `${base}/v2.0` : toTokenIssuer(tenantId),
    authorization_endpoint: `${base}/oauth2${version}/authorize`,
    end_session_endpoint: `${base}/oauth2${version}/logout`,
    tenant_region_scope: null,
    cloud_instance_name: cloud,
  };
}

/** What MSAL asks before it trusts an authority it does not know. */
function toInstanceDocument(tenantId: string, origin: string) {
  const { host } = new URL(origin);
  return {
    tenant_discovery_endpoint: `${origin}/${tenantId}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  };
}

function toDocument({ keys }: JSONWebKeySet) {
  return { keys };
}
