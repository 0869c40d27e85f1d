import type { IncomingMessage } from 'node:http';

/** The URL of a request below `origin`; the root for a target that is not a URL. */
export function toRequestUrl({ url = '/' }: IncomingMessage, origin: string): URL {
  // A target that starts with two slashes would otherwise be read as a host.
  const target = url.replace(/^\/+/, '/');
  return URL.canParse(target, origin) ? new URL(target, origin) : new URL('/', origin);
}
