import { isIPv6 } from 'node:net';
import { setFlagsFromString } from 'node:v8';

/**
 * Compiles the regular expression by which Node knows IPv6 addresses, before Node needs it to listen or to
 * connect to a name. It is so large that optimising it takes V8 4 ms of every start; as it is, it takes
 * less than one. Afterwards the flag is as before, so V8 still accepts code caches.
 */
export function compileAddressPattern(): void {
  setFlagsFromString('--no-regexp-optimization');
  isIPv6('');
  setFlagsFromString('--regexp-optimization');
}
