import type { FaultKind } from './faults/fault.ts';

/** The claims of an assertion that say what federation compares; never the assertion itself. */
export interface JournaledAssertion {
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
  readonly aud?: readonly string[] | undefined;
  readonly iat?: number | undefined;
  readonly nbf?: number | undefined;
  readonly exp?: number | undefined;
  readonly kid?: string | undefined;
}

/** How a request ended. */
export interface JournaledOutcome {
  /** HTTP status; undefined when no answer was written. */
  readonly status?: number | undefined;
  readonly error?: string | undefined;
  readonly aadsts?: number | undefined;
  /** The scripted fault that made it so. */
  readonly fault?: FaultKind | undefined;
  /** From the request's headers to the end of the answer: the emulator's own share of a client's wait. */
  readonly durationMs: number;
}

/** What a request was. */
export interface JournaledRequest {
  readonly server: 'tenant' | 'issuer' | 'token-proxy';
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** TLS server name that the client asked for, at the token proxy. */
  readonly serverName?: string | undefined;
  readonly tenant?: string | undefined;
  readonly clientId?: string | undefined;
  readonly scope?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly assertion?: JournaledAssertion | undefined;
}

export interface JournalEntry extends JournaledRequest {
  readonly sequence: number;
  /** RFC 3339, when the request arrived. */
  readonly at: string;
  /** Undefined while the request is being answered. */
  readonly outcome?: JournaledOutcome | undefined;
}

/** All requests in the order of their arrival. */
export interface Journal {
  /** Notes a request and returns how to note its end. */
  begin(request: JournaledRequest): (outcome: JournaledOutcome) => void;
  entries(): readonly JournalEntry[];
  clear(): void;
}

/** Older entries go when there are more: an emulator may run for weeks. */
const maxEntries = 10_000;
const maxTextLength = 300;
/** Alone, the beginning of a token only where a word begins: key IDs are as random as anything. */
const tokenPattern = /(?:(?<![\w-])eyJ[\w-]{8,}|eyJ[\w-]{8,}\.)[\w.-]*/g;

/** @param onEnd called for every request that has ended */
export function createJournal(
  { epochMs }: { epochMs(): number },
  onEnd: (entry: JournalEntry) => void = () => undefined,
): Journal {
  const entries = new Map<number, JournalEntry>();
  let sequence = 0;
  return {
    begin(request) {
      sequence += 1;
      const entry = { sequence, at: new Date(epochMs()).toISOString(), ...clean(request) };
      entries.set(entry.sequence, entry);
      if (entries.size > maxEntries) entries.delete(entry.sequence - maxEntries);
      return (outcome) => {
        const ended = { ...entry, outcome };
        if (entries.has(entry.sequence)) entries.set(entry.sequence, ended);
        onEnd(ended);
      };
    },
    entries: () => [...entries.values()],
    clear: () => entries.clear(),
  };
}

/** The request with every text of the client's cut short, and with nothing in it that looks like a token. */
function clean(request: JournaledRequest): JournaledRequest {
  return JSON.parse(JSON.stringify(request, (_, value: unknown) => cleanText(value)));
}

function cleanText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.replace(tokenPattern, '[token]');
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}...` : text;
}
