import { ProxyError } from '../../errors.ts';
import type { Assertion } from '../exchange/assertion.ts';
import type { ExchangeMode } from '../settings.ts';

/** Why the content of the file cannot be presented. */
export interface AssertionFault {
  /** Continues the sentence "The file … ". Never any of the content. */
  readonly is: string;
  readonly hint: string;
  /** The kubelet may be about to put another file there. */
  readonly mayPass: boolean;
  readonly expiresAtSeconds?: number | undefined;
}

const IDENTITY_BINDING_AUDIENCE = 'api://AKSIdentityBinding';

/** Of the public cloud; the names in other clouds begin with it. */
const FEDERATION_AUDIENCE = 'api://AzureADTokenExchange';

/** @param setting that names the file, such as AZURE_FEDERATED_TOKEN_FILE. */
export function toAssertionError(fault: AssertionFault, path: string, setting: string): ProxyError {
  const description = `The file of ${setting} (${path}) ${fault.is}.`;
  return new ProxyError('ERR_ASSERTION', description, {
    description,
    hint: fault.hint,
    assertionExpiresAtSeconds: fault.expiresAtSeconds,
  });
}

/**
 * What makes it pointless to present this assertion.
 * @param usualMode the mode of identities that set none.
 */
export function findAssertionFault(
  { claims: { audiences, expiresAtSeconds } }: Assertion,
  nowMs: number,
  mode: ExchangeMode,
  usualMode: ExchangeMode = mode,
): AssertionFault | undefined {
  if (expiresAtSeconds !== undefined && expiresAtSeconds * 1_000 <= nowMs) {
    return {
      is: `holds a token that expired ${toAge(nowMs - expiresAtSeconds * 1_000)} ago`,
      hint: `This node's clock says ${new Date(nowMs).toISOString()}: compare it with NTP. If it is right, look at the kubelet, which renews the token long before it expires. A copy of the file is not renewed.`,
      mayPass: true,
      expiresAtSeconds,
    };
  }
  if (audiences.length === 0) return undefined;
  const isFor = (isMeant: (audience: string) => boolean): boolean => audiences.every(isMeant);
  if (mode === 'binding') {
    // The token proxy judges other audiences: a self-managed cluster may use another one.
    if (!isFor((audience) => audience.startsWith(FEDERATION_AUDIENCE))) return undefined;
    return {
      is: `holds a token for the audience ${audiences.join(', ')}, which the token proxy refuses`,
      hint: `Identity binding needs a token for ${IDENTITY_BINDING_AUDIENCE}. Put the annotation azure.workload.identity/use-identity-binding: 'true' on the pod itself and create the pod again. To exchange tokens with Entra itself, set IMDS_PROXY_IDENTITY_BINDING=off.`,
      mayPass: false,
    };
  }
  if (isFor((audience) => audience === IDENTITY_BINDING_AUDIENCE)) {
    return {
      is: `holds a token for the audience ${IDENTITY_BINDING_AUDIENCE}, which Entra itself refuses (AADSTS700211 or AADSTS700212)`,
      hint:
        usualMode === 'binding'
          ? `This identity has the mode federation in IMDS_PROXY_IDENTITIES, in a pod with identity binding. It needs a tokenFile with a token for ${FEDERATION_AUDIENCE}. Mount a projected ServiceAccount token of that audience and name it there, or remove the mode.`
          : 'That audience belongs to identity binding. Set AZURE_KUBERNETES_TOKEN_PROXY, as the azure-workload-identity webhook does, and leave IMDS_PROXY_IDENTITY_BINDING at auto. To exchange tokens with Entra itself, remove the annotation azure.workload.identity/use-identity-binding from the pod and create the pod again: its token is then for api://AzureADTokenExchange.',
      mayPass: false,
    };
  }
  return undefined;
}

/** What may be wrong with an assertion that the exchange presents all the same, because others decide. */
export interface AssertionDoubt {
  /** Continues the sentence "The file … ". Never any of the content but its audience. */
  readonly is: string;
  readonly hint: string;
  /** Whether a refusal is as good as certain. */
  readonly isCertain: boolean;
}

/** As much as Entra allows for clocks that differ. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** What will make Entra or the token proxy refuse this assertion, or may. */
export function findAssertionDoubt(
  { claims: { audiences, issuer, notBeforeSeconds = 0 } }: Assertion,
  nowMs: number,
  mode: ExchangeMode,
): AssertionDoubt | undefined {
  const earlyMs = notBeforeSeconds * 1_000 - nowMs;
  // The exchange presents it all the same: Entra's clock counts, and this node's may be the wrong one.
  if (earlyMs > CLOCK_SKEW_MS) {
    return {
      is: `holds a token that is not valid for another ${toAge(earlyMs)}`,
      hint: `This node's clock says ${new Date(nowMs).toISOString()}: compare it with NTP.`,
      isCertain: true,
    };
  }
  const meant = mode === 'binding' ? IDENTITY_BINDING_AUDIENCE : FEDERATION_AUDIENCE;
  if (audiences.some((audience) => audience.startsWith(meant))) return undefined;
  const hint = `Mount a projected ServiceAccount token for the audience ${meant}, as the azure-workload-identity webhook does.`;
  if (audiences.length === 0) {
    return {
      is: 'holds a token without an audience, as a Secret of a ServiceAccount does',
      hint,
      isCertain: true,
    };
  }
  const isForApiServer = audiences.some(
    (audience) => audience === issuer || /^https:\/\/kubernetes\.default\b/.test(audience),
  );
  if (mode === 'federation' && isForApiServer) {
    return { is: "holds a token for the cluster's API server", hint, isCertain: true };
  }
  return {
    is: `holds a token for another audience than ${meant}`,
    hint:
      mode === 'binding'
        ? hint
        : `Entra accepts it only if the federated credential has the same audience. ${hint}`,
    isCertain: false,
  };
}

export const emptyFault: AssertionFault = {
  is: 'is empty',
  hint: 'The kubelet writes it as soon as it has a token for the ServiceAccount. Look at the events of the pod.',
  mayPass: true,
};

export const malformedFault: AssertionFault = {
  is: 'does not hold a ServiceAccount token: three base64url parts with dots between them, the second one a JSON object',
  hint: 'Mount a projected ServiceAccount token and name it in the variable.',
  mayPass: true,
};

/** @param code of Node, for a read that failed; ETIMEDOUT for one that did not end. */
export function toReadFault(code: string | undefined, path: string): AssertionFault {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return {
        is: 'does not exist',
        hint: "Mount a projected ServiceAccount token there. The workload identity webhook does so for pods that have the label azure.workload.identity/use: 'true' when they are created.",
        mayPass: true,
      };
    case 'EISDIR':
      return {
        is: 'is a directory',
        hint: `Name the file in it, such as ${path.replace(/\/+$/, '')}/azure-identity-token.`,
        mayPass: false,
      };
    case 'EACCES':
    case 'EPERM':
      return {
        is: `may not be read by this process (${code})`,
        hint: "Set fsGroup in the pod's securityContext, so that the kubelet lets the user of this container read projected tokens.",
        mayPass: false,
      };
    case 'EMFILE':
    case 'ENFILE':
      return {
        is: `cannot be opened (${code})`,
        hint: 'The proxy container or its node has no file descriptors left: raise the limit on open files.',
        mayPass: true,
      };
    case 'EFBIG':
      return {
        is: 'has more than 64 KiB',
        hint: 'A ServiceAccount token has a few KiB: the variable names another file.',
        mayPass: false,
      };
    case 'EINVAL':
      return {
        is: 'is neither a file nor a directory',
        hint: 'Name the projected ServiceAccount token, not a pipe or a device.',
        mayPass: false,
      };
    case 'ETIMEDOUT':
      return {
        is: 'could not be read in time',
        hint: 'Its file system does not answer. Mount a projected volume, which is in memory.',
        mayPass: false,
      };
    default:
      return {
        is: `cannot be read (${code ?? 'unknown fault'})`,
        hint: 'Mount the projected ServiceAccount token where the variable says.',
        mayPass: false,
      };
  }
}

function toAge(ms: number): string {
  return ms < 120_000 ? `${Math.floor(ms / 1_000)} s` : `${Math.floor(ms / 60_000)} min`;
}
