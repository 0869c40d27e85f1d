import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Answer = Parameters<Parameters<LookupFunction>[2]>;

/**
 * Lets all who ask for the same name at the same time wait for one lookup. Each lookup holds a thread of
 * Node's pool until the resolver gives up, long after the connection that wanted it has timed out; a few
 * of them would leave no thread to read the token file with.
 */
export function createSharedLookup(lookup: LookupFunction = systemLookup as LookupFunction) {
  const waiting = new Map<string, ((...answer: Answer) => void)[]>();

  const shared: LookupFunction = (hostname, options, callback) => {
    const key = JSON.stringify([hostname, options]);
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(callback);
      return;
    }
    const callbacks = [callback];
    waiting.set(key, callbacks);
    lookup(hostname, options, (...answer: Answer) => {
      waiting.delete(key);
      for (const each of callbacks) each(...answer);
    });
  };
  return shared;
}
