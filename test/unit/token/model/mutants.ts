/** One deliberate fault: a text of a file of src/proxy/token that occurs there once, and what replaces it. */
export interface Mutant {
  readonly fault: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const mutant = (fault: string, file: string, from: string, to: string): Mutant => ({
  fault,
  file,
  from,
  to,
});

/** Faults that the model must find. */
export const mutants: readonly Mutant[] = [
  mutant(
    'callers of one key start an exchange each',
    'serving.ts',
    'entry.flight ?? flights.start(entry, correlationId)',
    'flights.start(entry, correlationId)',
  ),
  mutant(
    'keys ignore the resource',
    'entry-store.ts',
    'entries.set(key, entry)',
    'entries.set("k", entry)',
  ),
  mutant(
    'tokens are served with less than 30 s',
    'policy.ts',
    'MIN_SERVABLE_MS = 30 *',
    'MIN_SERVABLE_MS = 25 *',
  ),
  mutant(
    'a suspension does not age tokens',
    'age-clock.ts',
    'else if (offsetMs - lowestMs > aheadMs)',
    'else if (offsetMs - lowestMs > 1e12)',
  ),
  mutant(
    'a step back hides a later suspension',
    'age-clock.ts',
    'lowestMs = offsetMs;\n        age.',
    'age.',
  ),
  mutant(
    'suspensions do not add up',
    'age-clock.ts',
    'countedMs += aheadMs;',
    'countedMs = Math.max(countedMs, aheadMs);',
  ),
  mutant(
    'expires_on does not follow a clock that is set back',
    'held-token.ts',
    'if (held.wallOffsetMs - wallOffsetMs <= MIN_CLOCK_STEP_MS) return held;',
    'if (wallOffsetMs !== 0) return held;',
  ),
  mutant(
    'a step of the clock during an exchange loses its token',
    'flights.ts',
    'if (!isLast && suspendedMs > MIN_CLOCK_STEP_MS) continue;',
    '',
  ),
  mutant(
    'a late refresh_in is followed',
    'renewal.ts',
    'Math.min(lifetimeMs * share, toUsableRefreshInMs(refreshInMs))',
    'refreshInMs !== undefined && refreshInMs >= MIN_REFRESH_IN_MS ? Math.min(refreshInMs, lifetimeMs) : lifetimeMs * share',
  ),
  mutant(
    'a tiny refresh_in is followed',
    'policy.ts',
    'MIN_REFRESH_IN_MS = 30 *',
    'MIN_REFRESH_IN_MS = 3 *',
  ),
  mutant(
    'jitter makes renewals later',
    'renewal.ts',
    'return delayMs - random *',
    'return delayMs + random *',
  ),
  mutant(
    'a day-long token is renewed at 80 %',
    'policy.ts',
    'LONG_LIVED_SHARE = 0.5',
    'LONG_LIVED_SHARE = 0.8',
  ),
  mutant(
    'nobody waits for a renewal',
    'policy.ts',
    'WAIT_BELOW_MS = 5 * MINUTE_MS + 30 * SECOND_MS',
    'WAIT_BELOW_MS = 30 * SECOND_MS',
  ),
  mutant(
    'callers wait too long',
    'policy.ts',
    '= deadlines.patienceMs',
    '= deadlines.patienceMs + 6_000',
  ),
  mutant(
    'exchanges may hang for longer',
    'policy.ts',
    'EXCHANGE_DEADLINE_MS = deadlines.cacheMs',
    'EXCHANGE_DEADLINE_MS = deadlines.cacheMs + 1_000',
  ),
  mutant(
    'bypass_cache has no minimum age',
    'policy.ts',
    'MIN_BYPASS_AGE_MS = 10 *',
    'MIN_BYPASS_AGE_MS = 0 *',
  ),
  mutant('waits after failures do not grow', 'failure-memory.ts', '2 ** doublings', '1'),
  mutant(
    'a short Retry-After is followed for ever',
    'failure-memory.ts',
    'isTimedThrottle && failures <= 1',
    'isTimedThrottle',
  ),
  mutant(
    'Retry-After is ignored',
    'failure-memory.ts',
    'if (retryAfterMs === undefined) return delayMs;',
    'if (failures > 0) return delayMs;',
  ),
  mutant(
    'waits are longer than said',
    'policy.ts',
    'RETRY_JITTER_SHARE = 0.2',
    'RETRY_JITTER_SHARE = 0.9',
  ),
  mutant('a refusal is forgotten early', 'policy.ts', 'REFUSAL_MS = 10 *', 'REFUSAL_MS = 9 *'),
  mutant('an outage is remembered for longer', 'policy.ts', ' OUTAGE_MS = 1 *', ' OUTAGE_MS = 2 *'),
  mutant(
    'an outage that lasts is asked about as often as a new one',
    'policy.ts',
    'OUTAGE_SHARE = 0.25',
    'OUTAGE_SHARE = 0.02',
  ),
  mutant(
    'the memory of an outage has no end',
    'policy.ts',
    'MAX_OUTAGE_MS = 30 *',
    'MAX_OUTAGE_MS = 3_000 *',
  ),
  mutant(
    'after an outage, callers are told to come back before the exchange can be made',
    'failure-memory.ts',
    'if (!isOutage(error) && error.code',
    'if (error.code',
  ),
  mutant(
    'a wait after a failure may outlast the token',
    'policy.ts',
    'MAX_RETRY_SHARE = 0.5',
    'MAX_RETRY_SHARE = 5',
  ),
  mutant(
    'a throttled proxy comes back before its time',
    'failure-memory.ts',
    '(1 + RETRY_AFTER_SPREAD * random)',
    '(1 - RETRY_AFTER_SPREAD * random)',
  ),
  mutant(
    'a missing credential is a refusal like others',
    'failure-memory.ts',
    '700212, 700213',
    '700212',
  ),
  mutant(
    'a throttled caller hears the whole wait again',
    'failure-memory.ts',
    'Math.max(1, Math.ceil(remainingMs / 1_000))',
    'error.details.retryAfterSeconds ?? 10',
  ),
  mutant('a success does not end a failure', 'flights.ts', 'entry.failure = undefined;', ''),
  mutant(
    'what bypass_cache met counts against the renewal',
    'flights.ts',
    "kind === 'renewal' && entry.failure?.kind === 'early'",
    'entry.failure?.failures === 0.5',
  ),
  mutant(
    'a new assertion does not end failures',
    'caching-source.ts',
    'onNewAssertion: () => forgetFailures(store.entries(), age.nowMs()),',
    'onNewAssertion: () => {},',
  ),
  mutant(
    'a new assertion leaves the count of failures',
    'caching-source.ts',
    '      failures: 0,\n',
    '',
  ),
  mutant(
    'a new assertion ends a throttle',
    'caching-source.ts',
    " || entry.failure.error.code === 'ERR_THROTTLED'",
    '',
  ),
  mutant(
    'a refusal of the old assertion is remembered',
    'flights.ts',
    'if (!assertions.isOutdated(error, flight.startedAtMs)) recordFailure',
    'recordFailure',
  ),
  mutant(
    'a failure of a key that is not due is shown as failing',
    'entry.ts',
    'nowMs >= held.refreshAtMs && failure.retryAtMs > held.refreshAtMs',
    'failure !== undefined',
  ),
  mutant(
    'an abandoned key is shown as failing',
    'entry.ts',
    'held === undefined || !isInUse(entry, nowMs)) return false',
    'held === undefined) return false',
  ),
  mutant(
    'the next retry is told by another formula',
    'entry.ts',
    'const atMs = Math.max(nowMs, toRenewalAtMs(entry));',
    'const atMs = Math.max(nowMs, entry.failure?.atMs ?? 0);',
  ),
  mutant(
    'an abandoned key is reported as lost',
    'refresh-schedule.ts',
    'wasInUse && entry.failure?.reported',
    'entry.failure?.reported',
  ),
  mutant(
    'an abandoned key is renewed',
    'refresh-schedule.ts',
    'else if (isInUse(entry, nowMs)) due.push(entry);',
    'else due.push(entry);',
  ),
  mutant(
    'renewals take all slots they want',
    'flights.ts',
    'if (taken >= limits.maxBackground) return false;',
    '',
  ),
  mutant(
    'a renewal that hangs keeps its slot',
    'flights.ts',
    'nowMs - startedAtMs < SLOT_HELD_MS',
    'nowMs >= startedAtMs',
  ),
  mutant(
    'nobody looks again when a slot is free',
    'refresh-schedule.ts',
    'nextAtMs = Math.min(nextAtMs, flights.nextSlotAtMs());',
    '',
  ),
  mutant(
    'a key that came back while all slots were taken is forgotten',
    'serving.ts',
    ' && !flights.startBackground(entry)) onDeclined();',
    ') flights.startBackground(entry);',
  ),
  mutant(
    'a short new token takes the place of a long one',
    'flights.ts',
    'held.expiresAtMs >= current.expiresAtMs ||',
    'held.expiresAtMs >= 0 ||',
  ),
  mutant(
    'a token that was kept is due at once',
    'flights.ts',
    'toKept(current, nowMs, random())',
    'current',
  ),
  mutant(
    'an exchange can say that the proxy shuts down',
    'guarded-exchange.ts',
    "thrown.code === 'ERR_SHUTTING_DOWN'",
    "thrown.code === 'ERR_PATH'",
  ),
  mutant(
    'anything is a token',
    'held-token.ts',
    "if (typeof token !== 'string' || token === '') throw toUseless('no token');",
    '',
  ),
  mutant(
    'stop leaves the timer',
    'refresh-schedule.ts',
    'timer.set(Number.POSITIVE_INFINITY, 0);',
    '',
  ),
  mutant(
    'spent entries stay',
    'refresh-schedule.ts',
    'entry.flight === undefined && nowMs >= toForgottenAtMs(entry)',
    'entry.flight === undefined && nowMs < 0',
  ),
  mutant(
    'exchanges without token are counted and never discounted',
    'flights.ts',
    'if (isWithoutToken) withoutToken -= 1;',
    '',
  ),
  mutant(
    'exchanges without token have no bound',
    'flights.ts',
    'if (isWithoutToken) assertRoom();',
    '',
  ),
];
