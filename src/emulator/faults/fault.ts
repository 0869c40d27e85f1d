import { type AadstsCode, aadstsCodes, isAadstsCode } from '../entra-tenant/aadsts-catalogue.ts';
import {
  InputError,
  integerWithin,
  oneOf,
  optional,
  parseFields,
  parseGuid,
  parseText,
} from '../input.ts';

/** What goes wrong with a token request. */
export type FaultEffect =
  /** The answer comes late. The only effect that leaves room for another. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** 429 with `Retry-After`. */
  | { readonly kind: 'throttle'; readonly retryAfterSeconds: number }
  /** A 5xx with Entra's JSON. */
  | { readonly kind: 'server-error'; readonly status: number }
  /** A page, as a gateway in between makes it. */
  | { readonly kind: 'html'; readonly status: number }
  /** The answer of a request that is in order, ended half-way. */
  | { readonly kind: 'truncated' }
  /** A TCP reset in place of an answer. */
  | { readonly kind: 'reset' }
  /** No answer, ever. */
  | { readonly kind: 'hang' }
  /** The federated credentials are not known yet where the request arrived: AADSTS70021. */
  | { readonly kind: 'not-propagated' }
  /** 200 without a body. */
  | { readonly kind: 'empty' }
  /** 200 with text that is almost JSON. */
  | { readonly kind: 'malformed-json' }
  /** 200 with all of a token answer but the token. */
  | { readonly kind: 'no-access-token' }
  /** A refusal with a code of choice. */
  | { readonly kind: 'refuse'; readonly code: AadstsCode };

export type FaultKind = FaultEffect['kind'];

/** An effect and the requests it is for. Without limits it lasts until it is cleared. */
export interface Fault {
  readonly effect: FaultEffect;
  /** For the next so many requests that it applies to. */
  readonly requests?: number | undefined;
  /** For so long from when it was set. */
  readonly durationMs?: number | undefined;
  /** Only for requests of this client. */
  readonly clientId?: string | undefined;
  /** Only for requests for this resource (the scope without `/.default`). */
  readonly resource?: string | undefined;
}

const hourMs = 3_600_000;
const kinds = [
  'delay',
  'throttle',
  'server-error',
  'html',
  'truncated',
  'reset',
  'hang',
  'not-propagated',
  'empty',
  'malformed-json',
  'no-access-token',
  'refuse',
] as const satisfies readonly FaultKind[];
const limitFields = ['kind', 'requests', 'durationMs', 'clientId', 'resource'];

/**
 * Reads a fault that came from outside, effect and limits in one flat object:
 * `{"kind": "delay", "delayMs": 300, "requests": 2}`.
 * @throws InputError
 */
export function parseFault(value: unknown): Fault {
  const kind = parseKind(value);
  const effectField = effectFieldOf(kind);
  const known = effectField === undefined ? limitFields : [...limitFields, effectField];
  const fields = parseFields(value, `a fault of kind ${kind}`, known);
  return {
    effect: parseEffect(kind, fields),
    requests: optional(fields, 'requests', integerWithin(1, 1_000_000)),
    durationMs: optional(fields, 'durationMs', integerWithin(1, 24 * hourMs)),
    clientId: optional(fields, 'clientId', parseGuid),
    resource: optional(fields, 'resource', parseText),
  };
}

function parseKind(value: unknown): FaultKind {
  const kind = typeof value === 'object' && value !== null && 'kind' in value && value.kind;
  return oneOf(kinds)(kind === false ? undefined : kind, 'kind');
}

function effectFieldOf(kind: FaultKind): string | undefined {
  switch (kind) {
    case 'delay':
      return 'delayMs';
    case 'throttle':
      return 'retryAfterSeconds';
    case 'server-error':
    case 'html':
      return 'status';
    case 'refuse':
      return 'code';
    case 'truncated':
    case 'reset':
    case 'hang':
    case 'not-propagated':
    case 'empty':
    case 'malformed-json':
    case 'no-access-token':
      return undefined;
  }
}

function parseEffect(kind: FaultKind, fields: Readonly<Record<string, unknown>>): FaultEffect {
  switch (kind) {
    case 'delay':
      return { kind, delayMs: integerWithin(1, hourMs)(fields['delayMs'], 'delayMs') };
    case 'throttle': {
      const seconds = optional(fields, 'retryAfterSeconds', integerWithin(0, 3600));
      return { kind, retryAfterSeconds: seconds ?? 5 };
    }
    case 'server-error':
      return { kind, status: optional(fields, 'status', integerWithin(500, 599)) ?? 503 };
    case 'html':
      return { kind, status: optional(fields, 'status', integerWithin(200, 599)) ?? 502 };
    case 'refuse':
      return { kind, code: parseCode(fields['code'], 'code') };
    case 'truncated':
    case 'reset':
    case 'hang':
    case 'not-propagated':
    case 'empty':
    case 'malformed-json':
    case 'no-access-token':
      return { kind };
  }
}

function parseCode(value: unknown, name: string): AadstsCode {
  if (isAadstsCode(value)) return value;
  throw new InputError(
    `${name} must be one of the AADSTS numbers that the emulator knows: ${aadstsCodes.join(', ')}`,
  );
}
