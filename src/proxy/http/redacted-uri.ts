import { hideTokens } from '../imds/client-text.ts';
import { parseTarget } from '../imds/target.ts';

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
  if (query === '') return hideTokens(shownPath);
  return `${hideTokens(shownPath)}?${query.slice(0, 2_048).split('&').map(toRedactedPair).join('&')}`;
}

function toRedactedPair(pair: string): string {
  const equals = pair.indexOf('=');
  const name = equals === -1 ? pair : pair.slice(0, equals);
  const value = equals === -1 ? '' : pair.slice(equals + 1);
  const shownName = plainName.test(name) ? name : '***';
  if (equals === -1) return shownName;
  return `${shownName}=${openValues.get(name)?.test(value) ? value : '***'}`;
}
