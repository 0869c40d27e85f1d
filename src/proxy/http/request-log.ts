import type { Logger, LogLevel } from '../../shared/logger.ts';
import { redactTokens, toPrintable } from '../../shared/untrusted-text.ts';
import type { Clock } from '../clock.ts';
import type { ErrorCode, ProxyError } from '../errors.ts';
import { parseTarget } from '../protocol/target.ts';
import { createRepeatLimit } from '../repeat-limit.ts';
import type { Call } from './reply.ts';

type Fields = Readonly<Record<string, string | number | undefined>>;

/** The fields of every log line about a request. */
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

/** Logs requests that were not served, in a bounded number of lines. */
export interface FailureLog {
  failed(call: Call, error: ProxyError, status: number, durationMs: number): void;
  /** Logs at once how many lines have been suppressed so far. */
  flush(): void;
}

export function createFailureLog({
  clock,
  logger,
}: {
  readonly clock: Clock;
  readonly logger: Logger;
}): FailureLog {
  const message = 'request was not served';
  const limit = createRepeatLimit({ clock, logger }, message);

  return {
    flush: limit.flush,
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
      // At debug every request is logged, so every refusal is as well.
      const line = { level, fields: reason, classFields: { error_code: code } };
      if (!logger.isEnabled('debug') && !limit.admits(line)) return;
      logger.log(level, message, {
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
  // SDKs probe without the header, and agents look for the metadata of other clouds. Both are normal, and
  // the metrics count them.
  const probes: readonly ErrorCode[] = ['ERR_METADATA_HEADER', 'ERR_PATH', 'ERR_IMDS_V2'];
  return probes.includes(code) ? 'debug' : 'warning';
}

/**
 * The identity and resource of a request. If it could not be parsed, the values are those of its query, but only
 * if they look like IDs and resources: other text may be a secret.
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

/** The query names whose values are logged, with the field and the form that they must have. */
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

/** The only query values that are shown: they identify nobody. */
const openValues: ReadonlyMap<string, RegExp> = new Map([
  ['api-version', /^[\d-]{0,10}$/],
  ['cred-api-version', /^[\d.]{0,4}$/],
  ['format', /^(?:json|text)$/],
  ['bypass_cache', /^(?:true|false)$/],
]);

const plainName = /^[\w.-]{1,32}$/;
const maxPathLength = 128;

/** A request target for the log. Values, long names and unusual characters are hidden. */
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
