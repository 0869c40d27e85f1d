/** What the faults that are active do to the world around the proxy. Pure: `world.ts` puts it into effect. */
import type { Fault as EntraFault } from '../../src/emulator/faults/fault.ts';
import type { ExchangeMode } from '../../src/proxy/entra/settings.ts';
import type { ActiveFaults } from '../faults.ts';
import type { NameServerBehaviour } from './name-server.ts';

/** The ports of Entra and of the token proxy. */
export const ports = { entra: 443, tokenProxy: 8443 } as const;

/** What the world beyond the pod does. */
export interface OutsideEffects {
  /** Of Entra, the first that is not a delay counts. */
  readonly entra: readonly EntraFault['effect'][];
  readonly hasShortLivedTokens: boolean;
  readonly names: NameServerBehaviour;
  readonly isLinkUp: boolean;
  /** Whether the link takes some kilobytes a second only. */
  readonly isLinkSlow: boolean;
}

/** Netfilter rules and routes of the pod. */
export interface PathEffects {
  /** As `chain rule`, for the two chains `in` and `out`. */
  readonly rules: readonly string[];
  readonly hasRoute: boolean;
}

export type TokenFileState =
  | 'current'
  | 'missing'
  | 'forbidden'
  | 'empty'
  | 'garbage'
  | 'expired'
  | 'wrong-audience';

export type CaFileState = 'current' | 'missing' | 'empty' | 'garbage' | 'other';

/** What happens inside the process of the proxy, where only a preloaded module can reach. */
export interface ProcessEffects {
  readonly library: 'throws' | 'hangs' | 'nonsense' | undefined;
  readonly canLoadLibraries: boolean;
  readonly tokenRead: 'hangs' | 'fails' | undefined;
}

/** The settings that the proxy's container starts with. */
export interface Settings {
  readonly mode: ExchangeMode;
  readonly client: 'usual' | 'other';
}

export interface Effects {
  readonly outside: OutsideEffects;
  readonly path: PathEffects;
  readonly tokenFile: TokenFileState;
  readonly caFiles: CaFileState;
  readonly process: ProcessEffects;
  readonly settings: Settings;
}

type Has = ActiveFaults['has'];

export function toEffects({ has }: ActiveFaults): Effects {
  return {
    outside: {
      entra: toEntra(has),
      hasShortLivedTokens: has('entra/short-lived-tokens'),
      names: toNames(has),
      isLinkUp: !has('network/link-down'),
      isLinkSlow: has('network/slow-link'),
    },
    path: { rules: toRules(has), hasRoute: !has('network/no-route') },
    tokenFile: toTokenFile(has),
    caFiles: toCaFiles(has),
    process: {
      library: toLibrary(has),
      canLoadLibraries: !has('libraries/does-not-load'),
      tokenRead: toTokenRead(has),
    },
    settings: {
      mode: has('restart/other-mode') ? 'binding' : 'federation',
      client: has('restart/other-client') ? 'other' : 'usual',
    },
  };
}

function toEntra(has: Has): EntraFault['effect'][] {
  return [
    ...(has('entra/slow') ? [{ kind: 'delay', delayMs: 8_000 } as const] : []),
    ...(has('entra/hangs') ? [{ kind: 'hang' } as const] : []),
    ...(has('network/cut-short') ? [{ kind: 'truncated' } as const] : []),
    ...(has('entra/unavailable') ? [{ kind: 'server-error', status: 503 } as const] : []),
    ...(has('entra/error-page') ? [{ kind: 'html', status: 502 } as const] : []),
    ...(has('entra/throttled-for-a-minute')
      ? [{ kind: 'throttle', retryAfterSeconds: 60 } as const]
      : []),
    ...(has('entra/throttled-without-a-time')
      ? [{ kind: 'server-error', status: 429 } as const]
      : []),
    ...(has('entra/throttled-for-two-seconds')
      ? [{ kind: 'throttle', retryAfterSeconds: 2 } as const]
      : []),
    ...(has('entra/not-a-token') ? [{ kind: 'no-access-token' } as const] : []),
    ...(has('entra/application-unknown') ? [{ kind: 'refuse', code: 700_016 } as const] : []),
    ...(has('entra/credential-unknown') ? [{ kind: 'refuse', code: 700_213 } as const] : []),
    ...(has('entra/assertion-refused') ? [{ kind: 'refuse', code: 700_024 } as const] : []),
  ];
}

function toNames(has: Has): NameServerBehaviour {
  if (has('network/name-server-silent')) return 'silent';
  if (has('network/name-server-failing')) return 'failing';
  if (has('network/name-unknown')) return 'knows-nothing';
  if (has('network/ipv6-only')) return 'ipv6-only';
  if (has('network/intercepted')) return 'misleading';
  return has('network/name-server-slow') ? 'slow' : 'answers';
}

function toRules(has: Has): string[] {
  const both = `{ ${ports.entra}, ${ports.tokenProxy} }`;
  const rules: string[] = [];
  if (has('network/silent')) rules.push(`out tcp dport ${both} drop`);
  if (has('network/refused')) {
    rules.push(`out tcp dport ${both} tcp flags & syn == syn reject with tcp reset`);
  }
  // Connections that stand, as soon as a request is sent.
  if (has('network/reset')) {
    rules.push(`out tcp dport ${both} meta length > 100 reject with tcp reset`);
  }
  if (has('network/lossy-link')) {
    rules.push(`out tcp dport ${both} numgen random mod 2 == 0 drop`);
  }
  // A path whose MTU is smaller than the sender knows, and that tells nobody.
  if (has('network/large-packets-lost')) {
    rules.push(`in tcp sport ${both} meta length > 600 drop`);
  }
  return rules;
}

function toTokenFile(has: Has): TokenFileState {
  if (has('assertion/missing')) return 'missing';
  if (has('assertion/forbidden')) return 'forbidden';
  if (has('assertion/empty')) return 'empty';
  if (has('assertion/garbage')) return 'garbage';
  if (has('assertion/expired')) return 'expired';
  return has('assertion/wrong-audience') ? 'wrong-audience' : 'current';
}

function toCaFiles(has: Has): CaFileState {
  if (has('ca/missing')) return 'missing';
  if (has('ca/empty')) return 'empty';
  if (has('ca/garbage')) return 'garbage';
  return has('ca/behind') ? 'other' : 'current';
}

function toLibrary(has: Has): ProcessEffects['library'] {
  if (has('libraries/throws')) return 'throws';
  if (has('libraries/hangs')) return 'hangs';
  return has('libraries/nonsense') ? 'nonsense' : undefined;
}

function toTokenRead(has: Has): ProcessEffects['tokenRead'] {
  if (has('assertion/read-hangs')) return 'hangs';
  return has('assertion/read-error') ? 'fails' : undefined;
}
