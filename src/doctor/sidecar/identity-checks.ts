import { toIdentityPolicy } from '../../proxy/config/identities.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import { type Check, type Finding, fail, ok, warn } from '../engine/check.ts';

/** Whether requests of the application can mean an identity, and the allow-lists admit it. */
export function createIdentityCheck(config: ProxyConfig): Check {
  return { id: 'identities', needs: ['settings'], run: async () => judgeIdentities(config) };
}

export function judgeIdentities(config: ProxyConfig): Finding {
  const { defaultIdentity, identities, allowedClientIds, allowedResources } =
    toIdentityPolicy(config);
  const evidence = {
    identities: identities.map(({ clientId }) => clientId).join(', ') || '(none)',
    'allowed client IDs': allowedClientIds === undefined ? 'all' : [...allowedClientIds].join(', '),
    'allowed resources': allowedResources?.join(', ') ?? 'all',
  };
  const excluded = identities.filter(({ clientId }) => allowedClientIds?.has(clientId) === false);
  const [first] = excluded;
  if (identities.length === 0) {
    return fail('no identity is configured: requests that name none are refused', {
      evidence,
      fix: 'Set the annotation azure.workload.identity/client-id of the ServiceAccount to the client ID of the identity, and create the pod again:\nkubectl annotate serviceaccount NAME -n NAMESPACE azure.workload.identity/client-id=CLIENT_ID',
      docs: 'docs/errors.md#codes',
    });
  }
  if (first !== undefined) {
    const isOnly =
      excluded.length === identities.length || first.clientId === defaultIdentity?.clientId;
    const judge = isOnly ? fail : warn;
    return judge(`IMDS_PROXY_ALLOWED_CLIENT_IDS excludes ${first.clientId}`, {
      evidence,
      fix: `If the application should get tokens for it, add it to the list: IMDS_PROXY_ALLOWED_CLIENT_IDS=${[...(allowedClientIds ?? []), first.clientId].join(',')}`,
      docs: 'docs/configuration.md#identity',
    });
  }
  if (defaultIdentity === undefined && identities.length > 1) {
    return warn('several identities are configured, and none is the default', {
      evidence,
      fix: 'Requests that name no identity are refused. Set AZURE_CLIENT_ID to the identity for them.',
      docs: 'docs/configuration.md#identity',
    });
  }
  const lists = [
    allowedClientIds !== undefined && 'a list of client IDs',
    allowedResources !== undefined && 'a list of resources',
  ].filter(Boolean);
  const limited = lists.length === 0 ? '' : `, limited by ${lists.join(' and ')}`;
  return ok(`${identities.length} configured${limited}`, { evidence });
}
