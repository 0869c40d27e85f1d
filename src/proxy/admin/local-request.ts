import type { IncomingMessage } from 'node:http';

/** Not the whole of 127.0.0.0/8: a mesh hands over requests of other pods from 127.0.0.6. */
const localAddresses: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/** Headers by which a proxy says that it hands on somebody else's request. */
const forwardingHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'via',
  'l5d-client-id',
];

/**
 * Whether a request comes from inside the pod and was written for it: `kubectl port-forward`, `kubectl exec`,
 * the application. A Host that is a name other than localhost is a web page that has rebound its name.
 */
export function isLocalRequest({
  socket,
  headers,
}: Pick<IncomingMessage, 'socket' | 'headers'>): boolean {
  if (!localAddresses.has(socket.remoteAddress ?? '')) return false;
  if (forwardingHeaders.some((name) => headers[name] !== undefined)) return false;
  return /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i.test(headers.host ?? '');
}
