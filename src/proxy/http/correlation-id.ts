const guid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** The caller's own id for its request, if it is a GUID: the real service, too, hands it on to Entra. */
export function findCorrelationId(rawHeaders: readonly string[]): string | undefined {
  const at = rawHeaders.findIndex(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'x-ms-client-request-id',
  );
  const value = rawHeaders[at + 1];
  return at !== -1 && value !== undefined && guid.test(value) ? value : undefined;
}
