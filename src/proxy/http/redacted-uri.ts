import { parseTarget } from '../imds/target.ts';

/** Query names whose values say nothing about anybody. All other values are hidden, known or not. */
const openNames: ReadonlySet<string> = new Set([
  'api-version',
  'cred-api-version',
  'format',
  'bypass_cache',
]);

const plainName = /^[\w.-]{1,32}$/;
const plainValue = /^[\w.-]{0,32}$/;
const maxPathLength = 128;

/** A request target as it may be logged: values are hidden, and so is whatever is long or unusual. */
export function toRedactedUri(target: string): string {
  const { path, query } = parseTarget(target);
  const shownPath = path.length > maxPathLength ? `${path.slice(0, maxPathLength)}***` : path;
  if (query === '') return hideJwt(shownPath);
  return `${hideJwt(shownPath)}?${query.slice(0, 2_048).split('&').map(toRedactedPair).join('&')}`;
}

function toRedactedPair(pair: string): string {
  const equals = pair.indexOf('=');
  const name = equals === -1 ? pair : pair.slice(0, equals);
  const value = equals === -1 ? '' : pair.slice(equals + 1);
  const shownName = plainName.test(name) ? name : '***';
  if (equals === -1) return shownName;
  return `${shownName}=${openNames.has(name) && plainValue.test(value) ? value : '***'}`;
}

function hideJwt(path: string): string {
  return path.replace(/eyJ[\w.%-]+/g, '***');
}
