import { createHash } from 'node:crypto';
import type { AzureService, ServiceAnswer, ServiceRequest } from './service.ts';

const resource = 'https://storage.azure.com';
/** When all blobs were written. */
const modified = 'Tue, 14 Nov 2023 22:13:20 GMT';

/** A storage account from which blobs can be read, whole or by range. */
export function createBlobAccount({
  name,
  tenantId,
  blobs,
  readers,
}: {
  readonly name: string;
  readonly tenantId: string;
  /** Plain ASCII texts by path, such as `container/blob.txt`. */
  readonly blobs: Readonly<Record<string, string>>;
  /** Client IDs of those that may read. */
  readonly readers: readonly string[];
}): AzureService {
  const host = `${name}.blob.core.windows.net`;
  const texts = new Map(Object.entries(blobs));

  const answer = ({ method, url, headers, clientId }: ServiceRequest): ServiceAnswer => {
    // Bearer tokens came with a version of the protocol, which a client must name.
    if (headers['x-ms-version'] === undefined) {
      return toError(400, 'MissingRequiredHeader', 'there is no x-ms-version');
    }
    if (!readers.includes(clientId)) {
      const message = `appid=${clientId} has no role that reads blobs`;
      return toError(403, 'AuthorizationPermissionMismatch', message);
    }
    const blob = texts.get(url.pathname.slice(1));
    if ((method !== 'GET' && method !== 'HEAD') || blob === undefined) {
      return toError(404, 'BlobNotFound', `${method} ${url.pathname} finds no blob`);
    }
    return toBlobAnswer(blob, headers['x-ms-range'] ?? headers.range);
  };

  return {
    host,
    audiences: [resource, `https://${host}`],
    answer,
    challenge(why) {
      const authority = `https://login.microsoftonline.com/${tenantId}/oauth2/authorize`;
      return toError(401, 'InvalidAuthenticationInfo', why, {
        'WWW-Authenticate': `Bearer authorization_uri=${authority} resource_id=${resource}`,
      });
    },
  };
}

/** Libraries ask for a first range without knowing how long a blob is. */
function toBlobAnswer(blob: string, range: string | readonly string[] | undefined): ServiceAnswer {
  const headers = {
    ETag: `"0x${createHash('sha256').update(blob).digest('hex').slice(0, 15).toUpperCase()}"`,
    'Last-Modified': modified,
    'Accept-Ranges': 'bytes',
    // The SDK for C++ ends the process if one of these is missing.
    'x-ms-blob-type': 'BlockBlob',
    'x-ms-creation-time': modified,
    'x-ms-server-encrypted': 'true',
    'x-ms-version': '2025-11-05',
  };
  const contentType = 'text/plain';
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(String(range)) ?? [];
  if (from === undefined || to === undefined) {
    return { status: 200, contentType, body: blob, headers };
  }
  const start = Number(from);
  const end = to === '' ? blob.length - 1 : Math.min(Number(to), blob.length - 1);
  if (start > end) return toError(416, 'InvalidRange', `${range} is not within the blob`);
  return {
    status: 206,
    contentType,
    body: blob.slice(start, end + 1),
    headers: { ...headers, 'Content-Range': `bytes ${start}-${end}/${blob.length}` },
  };
}

function toError(
  status: number,
  code: string,
  message: string,
  headers: ServiceAnswer['headers'] = {},
): ServiceAnswer {
  const escaped = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return {
    status,
    contentType: 'application/xml',
    body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${escaped}</Message></Error>`,
    headers: { ...headers, 'x-ms-error-code': code },
  };
}
