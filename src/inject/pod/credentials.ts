import { audiences, tokenExpiration, tokenVolume, webhook } from '../contract.ts';
import { ManifestError } from '../manifest/manifest-error.ts';
import type { ValueMap } from '../manifest/value.ts';
import type { OwnCredentials } from '../settings.ts';
import type { Container, Expression } from './containers.ts';

/** What a ServiceAccount of the same input says of its identity. */
export interface ServiceAccount {
  readonly clientId: string | undefined;
  readonly tenantId: string | undefined;
}

/**
 * The variables that the webhook would set, for a pod that brings its own token.
 * @throws ManifestError if no tenant is known.
 */
export function toCredentialVariables(
  own: OwnCredentials,
  account: ServiceAccount | undefined,
): ReadonlyMap<string, string> {
  const tenantId = own.tenantId ?? account?.tenantId;
  if (tenantId === undefined) {
    const message = `no tenant is known; pass --tenant-id, or pass the pod's ServiceAccount too, with the annotation ${webhook.tenantIdAnnotation}`;
    throw new ManifestError(message, { path: ['spec'] });
  }
  const { mountPath, tokenPath, caPath } = tokenVolume;
  const variables: readonly (readonly [string, string | undefined])[] = [
    ['AZURE_CLIENT_ID', own.clientId ?? account?.clientId],
    ['AZURE_TENANT_ID', tenantId],
    ['AZURE_FEDERATED_TOKEN_FILE', `${mountPath}/${tokenPath}`],
    ['AZURE_AUTHORITY_HOST', own.authorityHost],
    ['AZURE_KUBERNETES_TOKEN_PROXY', own.identityBinding?.tokenProxy],
    ['AZURE_KUBERNETES_SNI_NAME', own.identityBinding?.serverName],
    ['AZURE_KUBERNETES_CA_FILE', own.identityBinding && `${mountPath}/${caPath}`],
  ];
  const known = new Map<string, string>();
  for (const [name, value] of variables) {
    if (value !== undefined) known.set(name, value);
  }
  return known;
}

/**
 * The ServiceAccount token that Entra, or AKS's token proxy, is shown. The kubelet renews it.
 * @param expirationSeconds how long it is valid.
 */
export function toTokenVolume(
  { identityBinding }: Pick<OwnCredentials, 'identityBinding'>,
  expirationSeconds: number | Expression = tokenExpiration.defaultSeconds,
): Container {
  const token: ValueMap = {
    serviceAccountToken: {
      audience: identityBinding === undefined ? audiences.entra : audiences.identityBinding,
      expirationSeconds,
      path: tokenVolume.tokenPath,
    },
  };
  const ca = identityBinding && {
    configMap: {
      name: identityBinding.caConfigMap,
      items: [{ key: 'ca.crt', path: tokenVolume.caPath }],
    },
  };
  return {
    name: tokenVolume.name,
    projected: { sources: ca === undefined ? [token] : [token, ca] },
  };
}
