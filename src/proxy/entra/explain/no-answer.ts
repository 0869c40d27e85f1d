import { ProxyError } from '../../errors.ts';
import { type AddressFault, DialError, isNoRoute } from '../transport/dial.ts';
import { type Fault, findExplanation } from '../transport/explained-fault.ts';
import {
  type AttemptFailure,
  type FailureContext,
  type Peer,
  type TokenProxyAddress,
  toPeerHost,
} from './context.ts';

/** Of what Node, OpenSSL or undici say of a fault, which may quote the peer's certificate. For the log. */
const MAX_DETAIL = 300;

/** Why there was no answer: name, connection, TLS or time. */
export function explainNoAnswer(thrown: unknown, context: FailureContext): AttemptFailure {
  const explanation = findExplanation(thrown);
  if (explanation !== undefined) {
    return toFailure(explanation, explanation.description, context, thrown);
  }
  const fault =
    thrown instanceof DialError ? toDialFault(thrown, context) : toFault(findCode(thrown), context);
  const detail = thrown instanceof Error ? context.clean(thrown.message, MAX_DETAIL) : '';
  return toFailure(fault, `${fault.description} ${detail}`.trim(), context, thrown);
}

/** An attempt that its own deadline has ended. */
export function explainDeadline(afterMs: number, context: FailureContext): AttemptFailure {
  const host = toPeerHost(context);
  const description = `${host} gave no answer within ${Math.round(afterMs / 100) / 10} s.`;
  const fault: Fault = {
    means: 'ERR_TIMEOUT',
    description,
    hint: toEgressHint(context),
    retry: 'transient',
  };
  return toFailure(fault, description, context, undefined);
}

function toFailure(
  { means, description, hint, retry }: Fault,
  message: string,
  { correlationId, claims }: FailureContext,
  cause: unknown,
): AttemptFailure {
  const details = {
    description,
    hint,
    correlationId,
    assertionExpiresAtSeconds: claims.expiresAtSeconds,
  };
  return { error: new ProxyError(means, message, details, { cause }), retry };
}

/** The client is told the code and not the message, which names addresses. */
function toFault(code: string, peer: Peer): Fault {
  const { tokenProxy } = peer;
  const special = tokenProxy === undefined ? undefined : toTokenProxyFault(code, tokenProxy);
  if (special !== undefined) return special;
  const host = toPeerHost(peer);
  if (/^(ENOTFOUND|EAI_)/.test(code)) {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The name ${host} could not be resolved (${code}).`,
      hint: "Check AZURE_AUTHORITY_HOST, the pod's DNS settings, and that NetworkPolicy lets the pod reach the cluster's DNS.",
      retry: 'transient',
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The certificate of ${host} is for another name (${code}).`,
      hint: 'Check AZURE_AUTHORITY_HOST, and that nothing between the pod and Entra intercepts TLS.',
      retry: 'none',
    };
  }
  if (isTlsFault(code)) {
    const { extraCaFile } = peer;
    return {
      means: 'ERR_UNAVAILABLE',
      description: `TLS with ${host} failed (${code}).`,
      hint:
        extraCaFile === undefined
          ? 'If a proxy or firewall intercepts TLS, set NODE_EXTRA_CA_CERTS to a file with its CA. Otherwise check the clock of the node.'
          : `No CA in the file of NODE_EXTRA_CA_CERTS or SSL_CERT_FILE (${extraCaFile}), and no public one, vouches for this certificate. Put the CA of the proxy or firewall that intercepts TLS there; the proxy reads the file again for each exchange. Otherwise check the clock of the node.`,
      // A new CA may be about to arrive in the file, which every attempt reads.
      retry: extraCaFile === undefined ? 'none' : 'transient',
    };
  }
  const isTimeout = code === 'ETIMEDOUT' || /^UND_ERR_\w+_TIMEOUT$/.test(code);
  return {
    means: isTimeout ? 'ERR_TIMEOUT' : 'ERR_UNAVAILABLE',
    description: isTimeout
      ? `${host} gave no answer in time (${code}).`
      : `The connection to ${host} failed (${code}).`,
    hint: toEgressHint(peer),
    retry: 'transient',
  };
}

/** Which addresses were tried, with the outcome of each. The client is told how many, the log which. */
function toDialFault({ faults, code, afterMs }: DialError, peer: Peer): Fault {
  const host = toPeerHost(peer);
  const seconds = Math.round(afterMs / 100) / 10;
  if (faults.length === 0) {
    return {
      means: 'ERR_TIMEOUT',
      description: `The name ${host} was not resolved within ${seconds} s (${code}).`,
      hint: "Check the pod's DNS settings, and that NetworkPolicy lets the pod reach the cluster's DNS.",
      retry: 'transient',
    };
  }
  const isSilent = faults.some((fault) => fault.code === undefined);
  const summary = countFaults(faults)
    .map(([what, count]) => `${count} ${what}`)
    .join('; ');
  return {
    means: isSilent ? 'ERR_TIMEOUT' : 'ERR_UNAVAILABLE',
    description: isSilent
      ? `The connection to ${host} did not stand within ${seconds} s (${code}): ${summary}.`
      : `The connection to ${host} failed (${code}): ${summary}.`,
    hint: toDialHint(faults, peer),
    retry: 'transient',
  };
}

/** Such as "2 IPv6 addresses without a route (ENETUNREACH)". */
function countFaults(faults: readonly AddressFault[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { family, code } of faults) {
    const how =
      code === undefined
        ? 'without an answer'
        : isNoRoute(code)
          ? `without a route (${code})`
          : `with ${code}`;
    const what = `IPv${family} address(es) ${how}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts];
}

function toDialHint(faults: readonly AddressFault[], peer: Peer): string {
  const reached = faults.filter(({ code }) => code === undefined || !isNoRoute(code));
  if (reached.length === 0) {
    const families = [...new Set(faults.map(({ family }) => `IPv${family}`))].join(' and ');
    return `The pod has no ${families} route to these addresses: check the pod's network and the addresses that its DNS returns for ${toPeerHost(peer)}.`;
  }
  return reached.every(({ code }) => code === 'ECONNREFUSED')
    ? `Something answered and refused the connection. Check that ${toPeerHost(peer)} resolves to the right addresses, and that no service mesh or firewall rejects the connection.`
    : toEgressHint(peer);
}

function toEgressHint(peer: Peer): string {
  const host = toPeerHost(peer);
  if (peer.tokenProxy !== undefined) {
    return `Check that NetworkPolicy, firewall and routes let the pod reach ${host}, where the API server of the cluster answers.`;
  }
  return `Check that NetworkPolicy, firewall and routes let the pod reach ${host}; see https://azure.status.microsoft for a fault of Entra.`;
}

/**
 * Node hides the code in an AggregateError when it has tried several addresses; undici's parser errors have
 * a name alone.
 */
function findCode(thrown: unknown): string {
  let error = thrown;
  let name = 'unknown fault';
  for (let depth = 0; error instanceof Error && depth < 4; depth += 1) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^[A-Z][A-Z\d_]{1,63}$/.test(code)) return code;
    if (/^\w{1,63}$/.test(error.name)) name = error.name;
    error = error instanceof AggregateError ? error.errors[0] : error.cause;
  }
  return name;
}

/**
 * What a code means on the way to a token proxy, as far as it differs from the way to Entra.
 * @returns undefined if it does not.
 */
function toTokenProxyFault(
  code: string,
  { url, serverName, hasCa = true }: TokenProxyAddress,
): Fault | undefined {
  const { host, hostname } = new URL(url);
  if (/^(ENOTFOUND|EAI_)/.test(code)) {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The name of the token proxy, ${hostname}, could not be resolved (${code}).`,
      hint: "Check AZURE_KUBERNETES_TOKEN_PROXY, the pod's DNS settings, and that NetworkPolicy lets the pod reach the cluster's DNS.",
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
          ? 'Set AZURE_KUBERNETES_SNI_NAME to the name of the token proxy, as the azure-workload-identity webhook does.'
          : 'Check AZURE_KUBERNETES_SNI_NAME. The API server has another name than its token proxy, and a rebuilt cluster has new names. Create the pod again so that the webhook sets the variable.',
      retry: 'none',
    };
  }
  if (!isTlsFault(code)) return undefined;
  if (!hasCa) {
    return {
      means: 'ERR_UNAVAILABLE',
      description: `The certificate of the token proxy ${host} is not trusted (${code}).`,
      hint: "No CA is configured, so Node's own roots are in use, and the cluster's CA is not one of them. Set AZURE_KUBERNETES_CA_FILE to the CA of the token proxy, as the azure-workload-identity webhook does.",
      retry: 'transient',
    };
  }
  return {
    means: 'ERR_UNAVAILABLE',
    description: `The token proxy ${host} and its CA do not agree (${code}).`,
    hint: 'Only the CA of AZURE_KUBERNETES_CA_FILE or AZURE_KUBERNETES_CA_DATA is trusted for the token proxy. The proxy reads the file again for each attempt. If the file still has the old CA after a rotation, create the pod again.',
    // The kubelet may be about to write the new CA, which every attempt reads.
    retry: 'transient',
  };
}

/** Whether a code of Node or OpenSSL means that the TLS handshake failed. */
function isTlsFault(code: string): boolean {
  return /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$)/.test(
    code,
  );
}
