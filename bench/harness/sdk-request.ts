import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A token request as an SDK sends it. */
export interface SdkRequest {
  /** Path and query for a resource; without one, those that the SDK sent. */
  readonly path: (resource?: string) => string;
  /** `Name: value` lines, `Host` among them, without `Connection`. */
  readonly headers: readonly string[];
  /** The whole request on the wire, keep-alive. */
  readonly text: (resource?: string) => string;
}

/** Lets @azure/identity ask for a token and keeps its request. */
export async function captureSdkRequest(clientId: string): Promise<SdkRequest> {
  const program = join(import.meta.dirname, '../programs/ask-as-sdk.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [program, clientId, 'https://vault.azure.net/.default'],
    { timeout: 30_000 },
  );
  const sent = JSON.parse(stdout) as { url: string; rawHeaders: string[] };
  return toSdkRequest(sent.url, sent.rawHeaders);
}

export function toSdkRequest(url: string, rawHeaders: readonly string[]): SdkRequest {
  const headers = rawHeaders.flatMap((name, index) => {
    if (index % 2 === 1 || name.toLowerCase() === 'connection') return [];
    // It was sent to a stand-in; in a pod it goes to the metadata address.
    const value = name.toLowerCase() === 'host' ? '169.254.169.254' : rawHeaders[index + 1];
    return [`${name}: ${value}`];
  });
  const path = (resource?: string): string =>
    resource === undefined
      ? url
      : url.replace(/(?<=[?&]resource=)[^&]*/, encodeURIComponent(resource));
  return {
    path,
    headers,
    text: (resource) =>
      `GET ${path(resource)} HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: keep-alive\r\n\r\n`,
  };
}
