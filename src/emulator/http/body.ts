import type { IncomingMessage } from 'node:http';

/** Far above any token request or admin call. */
const maxBytes = 64 * 1024;

/**
 * The body of a request as text, or undefined if it is larger than 64 KiB.
 * @throws the connection's error before the body was complete
 */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Read on to the end all the same: a client that is still writing would miss the answer.
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  return bytes > maxBytes ? undefined : Buffer.concat(chunks).toString('utf8');
}
