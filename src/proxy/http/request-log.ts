import type { Logger, LogLevel } from '../../shared/logger.ts';
import { redactTokens, toPrintable } from '../../shared/untrusted-text.ts';
import type { Clock } from '../clock.ts';
import type { ErrorCode, ProxyError } from '../errors.ts';
import { parseTarget } from '../protocol/target.ts';
import type { Call } from './reply.ts';

type Fields = Readonly<Record<string, string | number | undefined>>;

/** What every log line about a request says. */
export function toLogFields(
  { request, id }: Pick<Call, 'request' | 'id'>,
  status: number,
  durationMs: number,
): Fields {
  return {
    method: request.method,
    uri: toRedactedUri(request.url ?? ''),
    status,
    duration_ms: Math.round(durationMs * 1_000) / 1_000,
    request_id: id,
  };
}

/** Tells of requests that were not served, in a bounded number of lines. */
export interface FailureLog {
  failed(call: Call, error: ProxyError, status: number, durationMs: number): void;
  /** Tells at once of what has been left out so far. */
  flush(): void;
}

/**
 * Failures that look the same: so many are told one by one in a period, and then how many more there were.
 * A client that is refused as fast as it can ask would otherwise write megabytes a second.
 */
export const failureLogLimits = {
  periodMs: 30_000,
  /** Lines for one kind of failure in a period, before the one that counts the rest. */
  lines: 3,
  /** Kinds that are told apart in a period; the others are told apart by their code alone. */
  kinds: 64,
};

interface Kind {
  readonly level: LogLevel;
  readonly fields: Fields;
  lines: number;
  suppressed: number;
}

export function createFailureLog({
  clock,
  logger,
}: {
  readonly clock: Clock;
  readonly logger: Logger;
}): FailureLog {
  const kinds = new Map<string, Kind>();
  let cancel = (): void => {};

  const flush = (): void => {
    cancel();
    for (const { level, fields, suppressed } of kinds.values()) {
      if (suppressed > 0) logger.log(level, 'request was not served', { ...fields, suppressed });
    }
    kinds.clear();
  };

  const toKind = (key: string, level: LogLevel, code: ErrorCode, fields: Fields): Kind => {
    const known =
      kinds.get(key) ?? (kinds.size < failureLogLimits.kinds ? undefined : kinds.get(code));
    if (known !== undefined) return known;
    const isRoom = kinds.size < failureLogLimits.kinds;
    const kind = { level, fields: isRoom ? fields : { error_code: code }, lines: 0, suppressed: 0 };
    if (kinds.size === 0) cancel = clock.after(failureLogLimits.periodMs, flush);
    kinds.set(isRoom ? key : code, kind);
    return kind;
  };

  return {
    flush,
    failed(call, error, status, durationMs) {
      const level = toLevel(error.code, status);
      if (!logger.isEnabled(level)) return;
      const { code, details } = error;
      const reason: Fields = {
        error_code: code,
        error: toPrintable(error.message),
        header: details.header,
        ...toSubject(call),
      };
      // Whoever wants to see every request sees every refusal.
      if (!logger.isEnabled('debug')) {
        const kind = toKind(JSON.stringify(reason), level, code, reason);
        if (kind.lines >= failureLogLimits.lines) {
          kind.suppressed += 1;
          return;
        }
        kind.lines += 1;
      }
      logger.log(level, 'request was not served', {
        ...toLogFields(call, status, durationMs),
        ...reason,
        aadsts: details.aadsts,
        correlation_id: details.correlationId,
        trace_id: details.traceId,
        hint: details.hint,
        remedy: details.remedy,
      });
    },
  };
}

function toLevel(code: ErrorCode, status: number): LogLevel {
  if (status === 500) return 'error';
  // SDKs begin with a request that lacks the header, and agents look for other clouds' metadata: neither
  // is news, and the metrics count both.
  return code === 'ERR_METADATA_HEADER' || code === 'ERR_PATH' ? 'debug' : 'warning';
}

/**
 * Whose token was asked for, and for what: as understood or, failing that, in the words of the request. A value
 * that does not look like what it should be is hidden, as it may be anything.
 */
function toSubject({ request, subject, route }: Call): Fields {
  if (subject !== undefined) {
    return { client_id: subject.clientId, resource: toShown(resource, subject.resource) };
  }
  if (route !== 'token') return {};
  const fields: Record<string, string> = {};
  for (const pair of parseTarget(request.url ?? '')
    .query.slice(0, 8_192)
    .split('&')) {
    const [name = '', value = ''] = pair.split('=', 2);
    const shown = subjectNames.get(name);
    if (shown !== undefined) fields[shown.field] ??= toShown(shown.form, decode(value));
  }
  return fields;
}

const guid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** A URI without query, or the ID of an application. */
const resource = /^(?:[a-z][a-z\d+.-]*:\/\/[\w.:/~-]{1,240}|[\da-f-]{36})$/i;
const resourceId = /^\/subscriptions\/[\w.()/-]{1,400}$/i;

/** The query names of both protocols that are shown, as which field and if they have which form. */
const subjectNames: ReadonlyMap<string, { readonly field: string; readonly form: RegExp }> =
  new Map([
    ['client_id', { field: 'client_id', form: guid }],
    ['clientid', { field: 'client_id', form: guid }],
    ['object_id', { field: 'object_id', form: guid }],
    ['principal_id', { field: 'object_id', form: guid }],
    ['msi_res_id', { field: 'resource_id', form: resourceId }],
    ['mi_res_id', { field: 'resource_id', form: resourceId }],
    ['resource', { field: 'resource', form: resource }],
  ]);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function toShown(form: RegExp, text: string): string {
  return form.test(text) ? redactTokens(text) : '***';
}

/** The only values that are shown, by name: they say nothing about anybody. */
const openValues: ReadonlyMap<string, RegExp> = new Map([
  ['api-version', /^[\d-]{0,10}$/],
  ['cred-api-version', /^[\d.]{0,4}$/],
  ['format', /^(?:json|text)$/],
  ['bypass_cache', /^(?:true|false)$/],
]);

const plainName = /^[\w.-]{1,32}$/;
const maxPathLength = 128;

/** A request target as it may be logged: values are hidden, and so is whatever is long or unusual. */
export function toRedactedUri(target: string): string {
  const { path, query } = parseTarget(target);
  const shownPath = path.length > maxPathLength ? `${path.slice(0, maxPathLength)}***` : path;
  const uri = toPrintable(redactTokens(shownPath));
  if (query === '') return uri;
  return `${uri}?${query.slice(0, 2_048).split('&').map(toRedactedPair).join('&')}`;
}

function toRedactedPair(pair: string): string {
  const equals = pair.indexOf('=');
  const name = equals === -1 ? pair : pair.slice(0, equals);
  const value = equals === -1 ? '' : pair.slice(equals + 1);
  const shownName = plainName.test(name) ? name : '***';
  if (equals === -1) return shownName;
  return `${shownName}=${openValues.get(name)?.test(value) ? value : '***'}`;
}
