/**
 * Every number of the cache, with its reason. docs/caching.md gives them to operators; a test holds both
 * together by measuring each of them on the running cache.
 */
import { deadlines } from '../deadlines.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

// Serving.

/**
 * Life that a token must have left to be served from the cache: enough to send one request with it, with
 * clocks a little apart.
 */
export const MIN_SERVABLE_MS = 30 * SECOND_MS;

/**
 * With less life than this, a caller waits a moment for the renewal: MSAL for Python and Java treat a token
 * with less than five minutes as expired and ask again in a loop.
 */
export const WAIT_BELOW_MS = 5 * MINUTE_MS + 30 * SECOND_MS;

/** How long an exchange may have run before callers with a servable token stop waiting for it. */
export const PATIENCE_MS = deadlines.patienceMs;

/**
 * `bypass_cache` gets a token no older than this. Any process of the pod can send it in a loop: that costs
 * Entra six exchanges a minute and key, and a burst costs one.
 */
export const MIN_BYPASS_AGE_MS = 10 * SECOND_MS;

// Taking tokens in.

/**
 * A longer life is cut to this. Entra issues tokens for 28 hours at most; a life of centuries would be a
 * date that no client can parse.
 */
export const MAX_LIFETIME_MS = 48 * HOUR_MS;

/** A longer token is refused. Real ones have 1 to 4 KB, and web servers refuse headers of 16 KB to 32 KB. */
export const MAX_TOKEN_BYTES = 64 * 1_024;

// Renewing.

/** A renewal leaves at least this much life, because the Azure SDKs ask again when five minutes are left. */
export const REFRESH_AHEAD_MS = 10 * MINUTE_MS;

/** Clients renew tokens that live longer than this at half of their life. The cache must be first. */
export const LONG_LIVED_MS = 2 * HOUR_MS;
export const LONG_LIVED_SHARE = 0.5;
/** When a token that is not long-lived is renewed, as a share of its life. */
export const REFRESH_SHARE = 0.8;

/** A smaller `refresh_in` is ignored: it would make every key an exchange loop. */
export const MIN_REFRESH_IN_MS = 30 * SECOND_MS;

/**
 * Renewals are this much earlier at most, at random, so that pods that started together spread out: a fleet
 * whose tokens live an hour over seven minutes, and over an hour if they live a day (docs/fleet.md).
 */
export const MAX_JITTER_SHARE = 0.15;
export const MAX_JITTER_MS = HOUR_MS;

/** Renewals in the background that hold a slot at a time. Callers who wait need none. */
export const MAX_BACKGROUND = 4;

/**
 * A renewal frees its slot after this, even if it is still running: renewals that hang must not stop those
 * of other keys. All 256 keys get their turn in 5 min 20 s, which is within {@link REFRESH_AHEAD_MS}.
 */
export const SLOT_HELD_MS = 5 * SECOND_MS;

// When a renewal fails.

export const FIRST_RETRY_MS = 30 * SECOND_MS;
export const MAX_RETRY_MS = 5 * MINUTE_MS;
/**
 * A wait takes no more than this share of the life that is left, but at least the first wait: when an outage
 * of ten minutes ends, a token of an hour has two minutes left, and the next attempt must come before the end.
 */
export const MAX_RETRY_SHARE = 0.5;
/** A wait varies by this share either way, so that the pods of a node spread out. */
export const RETRY_JITTER_SHARE = 0.2;
/** The longest `Retry-After` that is followed; MSAL has the same limit. */
export const MAX_RETRY_AFTER_MS = HOUR_MS;
/**
 * A throttled proxy waits up to this share longer than Entra asked for, at random. Entra tells all pods the
 * same time, and without it all of them would come back in the same second.
 */
export const RETRY_AFTER_SPREAD = 0.5;

// How long a failure is the answer for its key.

/** A crash-looping application must not hammer Entra; a person who fixes a permission tries again soon. */
export const REFUSAL_MS = 10 * SECOND_MS;
/** There is no federated credential: it may exist already and not be known to all of Entra yet. */
export const PROPAGATION_MS = 5 * SECOND_MS;
/** A federated token that cannot be presented: the kubelet may fix it at any time, and Entra is not asked. */
export const ASSERTION_FAULT_MS = 1 * SECOND_MS;
/** An outage, when it begins: no longer than an application waits that asks again at once. */
export const OUTAGE_MS = 1 * SECOND_MS;
/**
 * An outage that lasts is remembered for this share of the time that it has lasted, up to the maximum. Pods that
 * have lost their tokens would otherwise ask as often as they can, and keep Entra from recovering.
 */
export const OUTAGE_SHARE = 0.25;
export const MAX_OUTAGE_MS = 30 * SECOND_MS;
/** After a 429 without a time. */
export const UNTIMED_THROTTLE_MS = 10 * SECOND_MS;
/** How long the failure of a key without a token stays visible in the status. */
export const FAILURE_SHOWN_MS = 10 * MINUTE_MS;

// Bounds.

export const MAX_ENTRIES = 256;

/** All tokens of the cache together. 256 tokens of 2 KB are an eighth of it. */
export const MAX_BYTES = 4 * 1_024 * 1_024;

/**
 * This share of the entries and bytes is for newcomers, who can push each other out but nobody else. The
 * rest are seats: a token that has one is not evicted while it is in use.
 */
export const NEWCOMER_SHARE = 1 / 8;

/** Seats of one client ID for resources that differ only in case or in a slash at the end. */
export const MAX_SPELLINGS_SEATED = 4;

/** Seats of one client ID. */
export const MAX_CLIENT_SEATED = 128;

/**
 * Exchanges of keys without a token at the same time. A process that asks for ever more names while Entra
 * hangs must not fill the cache, and no pod starts with so many identities and resources.
 */
export const MAX_WITHOUT_TOKEN = 64;

/** An exchange is given up after this, even if its inner deadlines fail. */
export const EXCHANGE_DEADLINE_MS = deadlines.cacheMs;

// Clocks.

/**
 * A smaller move of the wall clock is noise: `expires_on` stays the same for all callers, and moves forward
 * and back do not add up.
 */
export const MIN_CLOCK_STEP_MS = 1 * SECOND_MS;
