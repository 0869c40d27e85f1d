import type { IdentityPolicy, KnownIdentity } from '../../../src/proxy/protocol/identity.ts';
import {
  type ScriptedServer,
  startScriptedServer,
  type TestServerOptions,
} from '../../support/scripted-source-server.ts';
import { type ConfigurationName, configurations, tenantId } from './vectors.ts';

/** A configuration of the vectors as the policy that the proxy makes of it. */
export function toPolicy(name: ConfigurationName): IdentityPolicy {
  const { identities, defaultClientId } = configurations[name];
  const known = identities.map((identity): KnownIdentity => ({ ...identity, tenantId }));
  return {
    identities: known,
    defaultIdentity: known.find(({ clientId }) => clientId === defaultClientId),
    defaultTenantId: tenantId,
    allowedClientIds: new Set(known.map(({ clientId }) => clientId)),
    allowedResources: undefined,
  };
}

/** The data server with a configuration of the vectors, over a scripted source. */
export function startScriptedProxy(
  name: ConfigurationName = 'standard',
  options: Omit<TestServerOptions, 'policy'> = {},
): Promise<ScriptedServer> {
  return startScriptedServer({ ...options, policy: toPolicy(name) });
}
