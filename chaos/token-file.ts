import type { ExchangeMode } from '../src/proxy/entra/settings.ts';
import { clusterClaims, makeAssertion } from '../test/unit/entra/support.ts';
import type { ActiveFaults } from './faults.ts';
import type { PodTime } from './pod-time.ts';

const HOUR_MS = 3_600_000;
/** The kubelet replaces a token at 80 % of its life. */
const ROTATION_MS = 0.8 * HOUR_MS;

const audiences: Readonly<Record<ExchangeMode, string>> = {
  federation: 'api://AzureADTokenExchange',
  binding: 'api://AKSIdentityBinding',
};

/** The projected ServiceAccount token, as the kubelet keeps it or fails to. */
export interface TokenFile {
  /** For the mode in which the proxy runs. Rejects with Node's error codes. */
  read(mode: ExchangeMode): Promise<string>;
  /** When the current token was issued, as a fault holds on to it. */
  freeze(): void;
}

export function createTokenFile(time: PodTime, faults: ActiveFaults): TokenFile {
  let frozenAtMs = 0;

  const toIssuedAtMs = (): number => {
    if (faults.has('assertion/not-rotated')) return frozenAtMs;
    const periodMs = faults.has('assertion/rotated-every-minute') ? 60_000 : ROTATION_MS;
    return Math.floor(time.trueMs / periodMs) * periodMs;
  };

  const write = (mode: ExchangeMode): string => {
    const other: ExchangeMode = mode === 'federation' ? 'binding' : 'federation';
    const isWrong = faults.has('assertion/wrong-audience');
    const startEpochMs = time.trueEpochMs - time.trueMs;
    const lifeMs = faults.has('assertion/expired') ? -HOUR_MS : HOUR_MS;
    const expiresAtMs = startEpochMs + toIssuedAtMs() + lifeMs;
    return makeAssertion({
      ...clusterClaims,
      aud: [audiences[isWrong ? other : mode]],
      exp: Math.floor(expiresAtMs / 1_000),
    });
  };

  return {
    async read(mode) {
      if (faults.has('assertion/read-hangs')) return new Promise(() => {});
      if (faults.has('assertion/missing')) throw toFault('ENOENT');
      if (faults.has('assertion/forbidden')) throw toFault('EACCES');
      if (faults.has('assertion/read-error')) throw toFault('EIO');
      if (faults.has('assertion/empty')) return '';
      if (faults.has('assertion/garbage')) return 'not a token\u0000';
      return write(mode);
    },
    freeze() {
      frozenAtMs = toIssuedAtMs();
    },
  };
}

/** An error as Node reports it. */
export function toFault(code: string): Error {
  return Object.assign(new Error(`a fault of the schedule: ${code}`), { code });
}
