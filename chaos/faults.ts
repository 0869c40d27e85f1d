import type { Outcome } from '../src/proxy/entra/bundle.ts';

const MINUTE_MS = 60_000;

/** Everything that can go wrong around the token source, in groups. Faults of one or several groups can overlap. */
export const faultKinds = {
  /** Answers of Entra. */
  entra: [
    'unavailable',
    'error-page',
    'throttled-for-a-minute',
    'throttled-without-a-time',
    'throttled-for-two-seconds',
    'application-unknown',
    'credential-unknown',
    'assertion-refused',
    'hangs',
    'slow',
    'short-lived-tokens',
    'not-a-token',
  ],
  /** On the way to Entra: the look-up of its name, and then the packets. */
  network: [
    'name-unknown',
    'name-server-silent',
    'name-server-slow',
    'name-server-failing',
    'ipv6-only',
    'refused',
    'reset',
    'silent',
    'no-route',
    'intercepted',
    'cut-short',
    'slow-link',
    'lossy-link',
    'link-down',
    'large-packets-lost',
  ],
  /** The projected ServiceAccount token. */
  assertion: [
    'missing',
    'forbidden',
    'empty',
    'garbage',
    'expired',
    'wrong-audience',
    'read-error',
    'read-hangs',
    'not-rotated',
    'rotated-every-minute',
  ],
  /** The CA of the token proxy; of interest in mode `binding` only. */
  ca: ['missing', 'empty', 'garbage', 'behind'],
  /** The wall clock and suspensions of the machine. */
  clock: [
    'a-minute-ahead',
    'two-hours-ahead',
    'ten-minutes-behind',
    'noise',
    'suspended-for-ten-minutes',
    'suspended-for-three-hours',
  ],
  /** MSAL, undici and the bundle that holds them. */
  libraries: ['does-not-load', 'throws', 'hangs', 'fails-outside', 'nonsense'],
  /** Applications of the pod, beside those that ask steadily. */
  callers: ['burst', 'thousand-at-once', 'many-resources', 'bypass-loop', 'silence', 'churn'],
  /** The proxy's container starts again, with the same settings or others. */
  restart: ['once', 'crash-loop', 'other-client', 'other-mode'],
} as const;

export type FaultGroup = keyof typeof faultKinds;

/** `group/kind`. */
export type FaultName = {
  [Group in FaultGroup]: `${Group}/${(typeof faultKinds)[Group][number]}`;
}[FaultGroup];

export const faultNames: readonly FaultName[] = Object.entries(faultKinds).flatMap(
  ([group, kinds]) => kinds.map((kind) => `${group}/${kind}` as FaultName),
);

/** One fault of a schedule. */
export interface Fault {
  readonly name: FaultName;
  /** Since the beginning of the schedule. */
  readonly atMs: number;
  readonly forMs: number;
}

/** Faults that happen at an instant, and whose duration means nothing. */
const instants: ReadonlySet<FaultName> = new Set([
  'clock/suspended-for-ten-minutes',
  'clock/suspended-for-three-hours',
  'callers/thousand-at-once',
  'restart/once',
]);

export function isInstant(name: FaultName): boolean {
  return instants.has(name);
}

/** How far a fault of the clock moves it; back again when the fault ends. */
export function toStepMs(name: FaultName): number {
  switch (name) {
    case 'clock/a-minute-ahead':
      return MINUTE_MS;
    case 'clock/two-hours-ahead':
      return 120 * MINUTE_MS;
    case 'clock/ten-minutes-behind':
      return -10 * MINUTE_MS;
    default:
      return 0;
  }
}

/** For how long a fault suspends the machine. */
export function toSuspensionMs(name: FaultName): number {
  if (name === 'clock/suspended-for-ten-minutes') return 10 * MINUTE_MS;
  return name === 'clock/suspended-for-three-hours' ? 180 * MINUTE_MS : 0;
}

export function toEndMs({ name, atMs, forMs }: Fault): number {
  return isInstant(name) ? atMs : atMs + forMs;
}

/** The faults that are active now. */
export interface ActiveFaults {
  has(name: FaultName): boolean;
  begin(name: FaultName): void;
  end(name: FaultName): void;
}

/** Two faults of the same name may overlap. */
export function createActiveFaults(): ActiveFaults {
  const counts = new Map<FaultName, number>();
  const add = (name: FaultName, change: number): void => {
    counts.set(name, (counts.get(name) ?? 0) + change);
  };
  return {
    has: (name) => (counts.get(name) ?? 0) > 0,
    begin: (name) => add(name, 1),
    end: (name) => add(name, -1),
  };
}

/** A success that no library should report: `libraries/nonsense`. */
export const nonsense: Outcome = {
  kind: 'issued',
  token: {
    accessToken: '',
    expiresInSeconds: Number.NaN,
    extExpiresInSeconds: -1,
    elapsedMs: Number.POSITIVE_INFINITY,
  },
};
