import type { Clock } from '../clock.ts';
import type { FederatedCredential, Identity } from '../entra-tenant/identity.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { createKubernetesIssuer } from '../kubernetes-issuer/kubernetes-issuer.ts';

/** The issuer that AKS runs for identity bindings: one URL per identity, one set of keys. */
export interface BindingIssuer {
  /** What the federated credential `aks-identity-binding` of an identity says. */
  credentialFor(identity: Pick<Identity, 'tenantId' | 'clientId'>): FederatedCredential;
  /** The assertion that the token proxy shows Entra in place of the pod's. */
  mint(identity: Pick<Identity, 'tenantId' | 'clientId'>): Promise<string>;
  /** The document behind one of its URLs; undefined for any other URL. */
  document(url: string): unknown;
}

/** Nothing listens there: the emulated tenant is handed the documents. */
const origin = 'https://ib.oic.emulator.test';
const audience = 'api://AzureADTokenExchange';
/** What AKS writes there is not documented. */
const subject = 'emulated-cluster';
const lifetimeSeconds = 600;

export function createBindingIssuer({
  clock,
  keys,
}: {
  readonly clock: Clock;
  readonly keys: SigningKeys;
}): BindingIssuer {
  const toIssuer = ({ tenantId, clientId }: Pick<Identity, 'tenantId' | 'clientId'>): string =>
    `${origin}/${tenantId}/${clientId}`;
  return {
    credentialFor: (identity) => ({ issuer: toIssuer(identity), subject, audience }),
    mint(identity) {
      const nowSeconds = Math.floor(clock.epochMs() / 1000);
      const times = { iat: nowSeconds, nbf: nowSeconds, exp: nowSeconds + lifetimeSeconds };
      return keys.sign({ iss: toIssuer(identity), sub: subject, aud: audience, ...times });
    },
    document(url) {
      const [, issuer] = /^(https:\/\/ib\.oic\.emulator\.test\/[^/]+\/[^/]+)\//.exec(url) ?? [];
      if (issuer === undefined) return undefined;
      return createKubernetesIssuer({ clock, keys }, { url: issuer }).document(url);
    },
  };
}
