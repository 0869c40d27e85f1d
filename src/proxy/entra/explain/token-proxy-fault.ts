import type { TokenProxyAddress } from '../exchange/endpoint.ts';
import type { Fault } from '../transport/explained-fault.ts';
import { isTlsFault } from './tls-fault.ts';

/**
 * What a code means on the way to a token proxy, as far as it differs from the way to Entra.
 * @returns undefined if it does not.
 */
export function toTokenProxyFault(
  code: string,
  { url, serverName, hasCa = true }: TokenProxyAddress,
): Fault | undefined {
  const { host, hostname } = new URL(url);
  if (/^(ENOTFOUND|EAI_)/.test(code)) {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The name of the token proxy, ${hostname}, could not be resolved (${code}).`,
      hint: "Check AZURE_KUBERNETES_TOKEN_PROXY, the pod's DNS settings, and that NetworkPolicy lets it ask the cluster's DNS.",
      retry: 'transient',
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const wanted = serverName ?? hostname;
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The certificate of the token proxy ${host} is not for ${wanted} (${code}).`,
      hint:
        serverName === undefined
          ? 'Set AZURE_KUBERNETES_SNI_NAME to the name that the token proxy answers to; the azure-workload-identity webhook does so.'
          : 'Check AZURE_KUBERNETES_SNI_NAME: the API server answers to another name than its token proxy does, and a cluster that was built anew has another one. Create the pod anew to have it set again.',
      retry: 'none',
    };
  }
  if (!isTlsFault(code)) return undefined;
  if (!hasCa) {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The certificate of the token proxy ${host} is not trusted (${code}).`,
      hint: "No CA is configured, so Node's own roots are in use, and the CA of a cluster is none of them: set AZURE_KUBERNETES_CA_FILE to the CA of the token proxy, as the azure-workload-identity webhook does.",
      retry: 'transient',
    };
  }
  return {
    means: 'ERR_UNAVAILABLE',
    description: `The token proxy ${host} and its CA do not agree (${code}).`,
    hint: 'Nothing but the CA of AZURE_KUBERNETES_CA_FILE or AZURE_KUBERNETES_CA_DATA vouches for the token proxy. After a rotation of the CA of the cluster, create the pod anew if the file stays old.',
    // The kubelet may be about to bring the new CA, which every attempt reads.
    retry: 'transient',
  };
}
