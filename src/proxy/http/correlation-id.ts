import { isGuid } from '../../shared/guid.ts';

/** The caller's own id for its request, if it is a GUID: the real service, too, hands it on to Entra. */
export function findCorrelationId(rawHeaders: readonly string[]): string | undefined {
  const at = rawHeaders.findIndex(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'x-ms-client-request-id',
  );
  const value = rawHeaders[at + 1];
  return at !== -1 && value !== undefined && isGuid(value) ? value : undefined;
}
