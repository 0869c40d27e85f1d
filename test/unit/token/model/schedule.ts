import fc from 'fast-check';
import type { ErrorCode } from '../../../../src/proxy/errors.ts';

/** What happens around the cache, one after the other. */
export type Step =
  | { readonly do: 'get'; readonly key: number; readonly bypassCache: boolean }
  | { readonly do: 'peek'; readonly key: number }
  /** A token of an hour for every key that has none. */
  | { readonly do: 'fill' }
  | { readonly do: 'wait'; readonly ms: number }
  /** A key is used once, renewed once, and then fails to be renewed until it is out of use. */
  | { readonly do: 'abandon'; readonly key: number }
  /** Waits until the renewal of a key is due, and a little longer; then asks for it. */
  | { readonly do: 'due'; readonly key: number; readonly pastMs: number }
  /** The exchanges of a key fail in the same way, one after the other. */
  | {
      readonly do: 'storm';
      readonly key: number;
      readonly error: ScheduledError;
      readonly times: number;
    }
  /** A key is refused for an assertion that has been replaced while it was asked for. */
  | { readonly do: 'overtake'; readonly key: number; readonly other: number }
  | { readonly do: 'issue'; readonly pick: number; readonly token: ScheduledToken }
  | { readonly do: 'fail'; readonly pick: number; readonly error: ScheduledError }
  | { readonly do: 'garble'; readonly pick: number; readonly what: number }
  | { readonly do: 'rotate' }
  | { readonly do: 'suspend'; readonly ms: number }
  | { readonly do: 'correct'; readonly ms: number }
  | { readonly do: 'stop' };

export interface ScheduledToken {
  readonly lifeS: number;
  /** Part of the time since the exchange began, that the token was on its way. */
  readonly elapsed: number;
  readonly refreshInS: number | undefined;
}

export interface ScheduledError {
  readonly code: ErrorCode;
  readonly aadsts?: number | undefined;
  readonly retryAfterS?: number | undefined;
}

/** Things that no exchange should answer with. */
export const garbles: readonly unknown[] = [
  null,
  undefined,
  'token',
  {},
  { accessToken: 'x', expiresInSeconds: Number.NaN, extExpiresInSeconds: 1, elapsedMs: 0 },
  { accessToken: 'x', expiresInSeconds: -5, extExpiresInSeconds: 1, elapsedMs: 0 },
  { accessToken: 'x', expiresInSeconds: 3_600, extExpiresInSeconds: 1, elapsedMs: Number.NaN },
  { accessToken: '', expiresInSeconds: 3_600, extExpiresInSeconds: 1, elapsedMs: 0 },
  { accessToken: 7, expiresInSeconds: 3_600, extExpiresInSeconds: 1, elapsedMs: 0 },
  { accessToken: 'x'.repeat(70_000), expiresInSeconds: 60, extExpiresInSeconds: 1, elapsedMs: 0 },
];

/** A schedule of eight keys that are due together, in which two come back while all slots are taken. */
export const comeback: readonly Step[] = [
  { do: 'fill' },
  { do: 'due', key: 0, pastMs: 0 },
  { do: 'fill' },
  { do: 'get', key: 2, bypassCache: false },
  { do: 'fill' },
  { do: 'overtake', key: 3, other: 0 },
  { do: 'due', key: 4, pastMs: 0 },
  { do: 'due', key: 1, pastMs: 0 },
];

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;

const pick = fc.nat(9);
const error: fc.Arbitrary<ScheduledError> = fc.oneof(
  fc.constantFrom<ScheduledError>(
    { code: 'ERR_UNAVAILABLE' },
    { code: 'ERR_TIMEOUT' },
    { code: 'ERR_ASSERTION' },
    { code: 'ERR_INTERNAL' },
    { code: 'ERR_SHUTTING_DOWN' },
    { code: 'ERR_REJECTED', aadsts: 700_016 },
    { code: 'ERR_REJECTED', aadsts: 700_213 },
    { code: 'ERR_THROTTLED' },
    { code: 'ERR_THROTTLED', retryAfterS: 1 },
    { code: 'ERR_UNAVAILABLE', retryAfterS: 90 },
  ),
  fc
    .integer({ min: 1, max: 4_000 })
    .map((retryAfterS): ScheduledError => ({ code: 'ERR_THROTTLED', retryAfterS })),
);
const token: fc.Arbitrary<ScheduledToken> = fc.record({
  lifeS: fc.oneof(
    fc.constant(3_600),
    fc.constant(86_400),
    fc.integer({ min: 1, max: 120 }),
    fc.integer({ min: 1, max: 5_400 }),
  ),
  elapsed: fc.double({ min: 0, max: 1, noNaN: true }),
  refreshInS: fc.option(fc.integer({ min: 0, max: 90_000 }), { nil: undefined, freq: 4 }),
});
const wait = fc
  .oneof(
    fc.nat(2 * S),
    fc.nat(40 * S),
    fc.integer({ min: MIN, max: 12 * MIN }),
    fc.constantFrom(10 * S, 30 * S, 48 * MIN, H, 12 * H, 24 * H),
  )
  .map((ms): Step => ({ do: 'wait', ms }));

export interface Mix {
  readonly keys: number;
  readonly clocks: boolean;
}

/** A schedule for `keys` keys; with `clocks`, the wall clock steps and the machine is suspended as well. */
export function toSchedules({ keys, clocks }: Mix): fc.Arbitrary<readonly Step[]> {
  const key = fc.nat(keys - 1);
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('get' as const),
        key,
        bypassCache: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.boolean()),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('peek' as const), key }) },
    { weight: 5, arbitrary: wait },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('due' as const), key, pastMs: fc.nat(8 * S) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('storm' as const),
        key,
        error,
        times: fc.integer({ min: 1, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('abandon' as const), key }) },
    {
      weight: keys > 1 ? 1 : 0,
      arbitrary: fc.record({ do: fc.constant('overtake' as const), key, other: key }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('issue' as const), pick, token }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('fail' as const), pick, error }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('garble' as const),
        pick,
        what: fc.nat(garbles.length - 1),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'rotate' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'fill' }) },
    { weight: clocks ? 2 : 0, arbitrary: toClockStep() },
  );
  return fc
    .tuple(fc.array(step, { maxLength: 40, size: 'max' }), fc.nat(9))
    .map(([steps, end]) => (end === 0 ? [...steps, { do: 'stop' }, ...steps] : steps));
}

function toClockStep(): fc.Arbitrary<Step> {
  // A step of less than a second is noise to the cache: age-clock.test.ts.
  const least = S + 1;
  const size = fc.oneof(
    fc.integer({ min: least, max: 3 * S }),
    fc.integer({ min: least, max: 90 * S }),
    fc.integer({ min: least, max: 90 * MIN }),
    fc.constant(24 * H),
  );
  return fc
    .tuple(fc.constantFrom('suspend', 'forward', 'back'), size)
    .map(
      ([kind, ms]): Step =>
        kind === 'suspend'
          ? { do: 'suspend', ms }
          : { do: 'correct', ms: kind === 'forward' ? ms : -ms },
    );
}
