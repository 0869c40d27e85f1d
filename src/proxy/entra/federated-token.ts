import { type Clock, sleep } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { type Assertion, parseAssertion } from './assertion.ts';
import { withDeadline } from './deadline.ts';
import { readSmallFile } from './read-small-file.ts';

/**
 * The assertion as the file holds it now.
 * @throws ProxyError with ERR_ASSERTION that names the file's variable, the fault and the remedy, and never
 * the content.
 */
export type ReadAssertion = (signal: AbortSignal) => Promise<Assertion>;

export interface FederatedTokenDeps {
  readonly clock: Clock;
  /** Rejects with Node's error codes. */
  readonly readFile?: (path: string) => Promise<string>;
}

/** A projected volume is memory; what takes this long is a hung file system. */
const READ_DEADLINE_MS = 2_000;

/** The kubelet may be about to replace the file: what looks wrong for a moment is read again. */
const REREAD_AFTER_MS: readonly number[] = [250, 500];

const IDENTITY_BINDING_AUDIENCE = 'api://AKSIdentityBinding';

interface Fault {
  readonly is: string;
  readonly hint: string;
  /** A rotation of the file may cure it. */
  readonly mayPass: boolean;
  readonly expiresAtSeconds?: number | undefined;
}

/**
 * Reads the projected token anew each time: a copy kept for longer than an hour is an outage a day later,
 * when the access token has to be renewed (AADSTS700024).
 */
export function createAssertionReader(
  { clock, readFile = readSmallFile }: FederatedTokenDeps,
  path: string,
): ReadAssertion {
  const read = async (signal: AbortSignal): Promise<Assertion | Fault> => {
    const deadline = { afterMs: READ_DEADLINE_MS, toError: () => new Error('read deadline') };
    let text: string;
    try {
      text = (await withDeadline(clock, deadline, signal, () => readFile(path))).trim();
    } catch (error) {
      signal.throwIfAborted();
      return toReadFault((error as NodeJS.ErrnoException).code, path);
    }
    if (text === '') return emptyFault;
    const assertion = parseAssertion(text);
    return assertion === undefined ? malformedFault : (findFault(assertion) ?? assertion);
  };

  const findFault = ({ claims }: Assertion): Fault | undefined => {
    const { audiences, expiresAtSeconds } = claims;
    if (expiresAtSeconds !== undefined && expiresAtSeconds * 1_000 <= clock.epochMs()) {
      return toExpiredFault(expiresAtSeconds, clock.epochMs());
    }
    const isForBinding = audiences.every((audience) => audience === IDENTITY_BINDING_AUDIENCE);
    return audiences.length > 0 && isForBinding ? identityBindingFault : undefined;
  };

  return async (signal) => {
    for (const waitMs of [...REREAD_AFTER_MS, undefined]) {
      const found = await read(signal);
      if (!('is' in found)) return found;
      if (waitMs === undefined || !found.mayPass) throw toError(found, path);
      await sleep(clock, waitMs, signal);
    }
    throw new Error('the last round either returns or throws');
  };
}

function toError({ is, hint, expiresAtSeconds }: Fault, path: string): ProxyError {
  const description = `The file of AZURE_FEDERATED_TOKEN_FILE (${path}) ${is}.`;
  return new ProxyError('ERR_ASSERTION', description, {
    description,
    hint,
    assertionExpiresAtSeconds: expiresAtSeconds,
  });
}

function toReadFault(code: string | undefined, path: string): Fault {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return {
        is: 'does not exist',
        hint: 'Mount a projected ServiceAccount token there. The workload identity webhook does so for pods that carry the label azure.workload.identity/use: "true" when they are created.',
        mayPass: true,
      };
    case 'EISDIR':
      return {
        is: 'is a directory',
        hint: `Name the file inside it, such as ${path.replace(/\/+$/, '')}/azure-identity-token.`,
        mayPass: false,
      };
    case 'EACCES':
    case 'EPERM':
      return {
        is: `cannot be read by this process (${code})`,
        hint: "Set fsGroup in the pod's securityContext to a group of this container's user, so that the kubelet lets it read projected tokens.",
        mayPass: false,
      };
    case 'EFBIG':
      return {
        is: 'has more than 64 KiB',
        hint: 'A ServiceAccount token has a few KiB: the variable names another file.',
        mayPass: false,
      };
    case 'EINVAL':
      return {
        is: 'is not a regular file',
        hint: 'Name the projected ServiceAccount token, not a pipe or a device.',
        mayPass: false,
      };
    case undefined:
      return {
        is: `could not be read within ${READ_DEADLINE_MS / 1_000} s`,
        hint: 'The file system that holds it does not answer; a projected volume would.',
        mayPass: false,
      };
    default:
      return {
        is: `cannot be read (${code})`,
        hint: 'Mount the projected ServiceAccount token where the variable says.',
        mayPass: false,
      };
  }
}

const emptyFault: Fault = {
  is: 'is empty',
  hint: 'The kubelet fills it when it has a token for the ServiceAccount: look at the events of the pod.',
  mayPass: true,
};

const malformedFault: Fault = {
  is: 'does not hold a ServiceAccount token: three base64url parts with points between them, the second a JSON object',
  hint: 'Mount a projected ServiceAccount token there and name it in the variable.',
  mayPass: true,
};

const identityBindingFault: Fault = {
  is: `holds a token for the audience ${IDENTITY_BINDING_AUDIENCE}, which Entra itself refuses (AADSTS700212)`,
  hint: 'That audience belongs to identity binding. For an exchange with Entra itself remove the annotation azure.workload.identity/use-identity-binding from the pod and create it anew, so that its token is for api://AzureADTokenExchange.',
  mayPass: false,
};

function toExpiredFault(expiresAtSeconds: number, nowMs: number): Fault {
  const expiry = toIsoTime(expiresAtSeconds * 1_000);
  return {
    is: `holds a token that expired at ${expiry}`,
    hint: `The kubelet renews it well before that, and this node's clock says ${toIsoTime(nowMs)}: compare the clock with NTP and look at the kubelet; recreate the pod if the file is no mounted projection but a copy.`,
    mayPass: true,
    expiresAtSeconds,
  };
}

function toIsoTime(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? `${epochMs / 1_000} s after 1970` : date.toISOString();
}
