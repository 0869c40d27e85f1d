import { get } from 'node:https';
import { getCACertificates } from 'node:tls';

/** The time limit of an issuer for one document. */
const deadlineMs = 5_000;
const maxBytes = 1024 * 1024;

/**
 * Gets a JSON document over HTTPS.
 * @param caPem also trusted, besides the CAs that Node trusts
 * @throws Error for anything but a 200 with JSON of at most 1 MiB within 5 s
 */
export function fetchJson(url: string, caPem: string): Promise<unknown> {
  const signal = AbortSignal.timeout(deadlineMs);
  const ca = [...getCACertificates('default'), caPem];
  return new Promise((resolve, reject) => {
    const request = get(url, { ca, agent: false, signal }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        reject(new Error(`${url} answered ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) request.destroy(new Error(`${url} is larger than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('error', reject);
  });
}
