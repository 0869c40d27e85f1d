import type { Caveat } from '../client.ts';

/** What three seconds without Entra may come to with a client that tries nothing again. */
export const triesOnce = (error: string): Caveat => ({
  observed: { error, words: 'ECONNRESET' },
  isOccasional: true,
  because:
    'It tries nothing again: the first 503 is the end, with the proxy’s message in its error. The proxy’s own tries bridge about three seconds of an outage for it, not always all of them.',
});
