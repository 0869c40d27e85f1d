import type { RequestListener } from 'node:http';
import type { Clock } from '../clock.ts';
import type { FaultScript } from '../faults/fault-script.ts';
import type { Listener } from '../http/listener.ts';
import type { Journal } from '../journal.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { readAssertion } from './assertion.ts';
import { createDiscovery } from './discovery.ts';
import { createIdentityRegistry, type IdentityRegistry } from './identity-registry.ts';
import { createIssuerKeys, type FetchJson, type IssuerKeys } from './issuer-keys.ts';
import { createTenantHandler } from './tenant-handler.ts';
import { createTokenEndpoint, type TokenEndpointOptions } from './token-endpoint.ts';
import { createTokenHandler } from './token-handler.ts';

/** A local Entra: its identities, and what answers in its place. */
export interface EntraTenant {
  readonly identities: IdentityRegistry;
  readonly issuerKeys: Pick<IssuerKeys, 'forget'>;
  readonly handler: RequestListener;
  /**
   * Does the slow first-time work once: gets the issuer's keys, verifies, signs. A client that is
   * measured against this tenant would pay for it otherwise.
   */
  warmUp(assertion: string): Promise<void>;
}

/** How long Entra keeps an issuer's keys. The real figure is not documented; hours are what people report. */
const issuerKeysTtlMs = 3_600_000;

export function createEntraTenant(
  deps: {
    readonly clock: Clock;
    readonly keys: SigningKeys;
    readonly fetchJson: FetchJson;
    readonly faults: FaultScript;
    readonly journal: Journal;
    readonly listener: Pick<Listener, 'reset'>;
    readonly onError: (error: unknown) => void;
  },
  options: TokenEndpointOptions & { readonly authorityHost: string },
): EntraTenant {
  const { clock, keys, faults, journal, listener, onError } = deps;
  const { tenantId, authorityHost } = options;
  const identities = createIdentityRegistry(tenantId);
  const issuerKeys = createIssuerKeys(deps, { ttlMs: issuerKeysTtlMs });
  const endpoint = createTokenEndpoint({ clock, keys, identities, issuerKeys }, options);
  return {
    identities,
    issuerKeys,
    handler: createTenantHandler({
      clock,
      tokenHandler: createTokenHandler({ clock, endpoint, faults, journal, listener }),
      discovery: createDiscovery(
        { keys, hasTenant: identities.hasTenant },
        { tenantId, otherCloud: options.otherCloud },
      ),
      journal,
      authorityHost,
      onError,
    }),
    async warmUp(assertion) {
      await Promise.all([issuerKeys.verify(readAssertion(assertion)), keys.sign({})]);
    },
  };
}
