import type { Emulator, EmulatorDescription } from './api.ts';

/** All that a client needs to know of an emulator, plain JSON. */
export function toDescription(emulator: Emulator): EmulatorDescription {
  const { authorityHost, issuerUrl, adminUrl, tenantId, caFile, tokenFile } = emulator;
  const { federationTokenFile, tokenProxy } = emulator;
  const identities = emulator.identities.list();
  const [first] = identities;
  return {
    authorityHost,
    issuerUrl,
    adminUrl,
    tenantId,
    caFile,
    tokenFile,
    identities,
    ...(federationTokenFile === undefined ? {} : { federationTokenFile }),
    env: {
      AZURE_AUTHORITY_HOST: authorityHost,
      AZURE_TENANT_ID: first?.tenantId ?? tenantId,
      ...(first === undefined ? {} : { AZURE_CLIENT_ID: first.clientId }),
      AZURE_FEDERATED_TOKEN_FILE: tokenFile,
      NODE_EXTRA_CA_CERTS: caFile,
      ...(tokenProxy === undefined
        ? {}
        : {
            AZURE_KUBERNETES_TOKEN_PROXY: tokenProxy.url,
            AZURE_KUBERNETES_SNI_NAME: tokenProxy.serverName,
            AZURE_KUBERNETES_CA_FILE: tokenProxy.caFile,
          }),
    },
  };
}
