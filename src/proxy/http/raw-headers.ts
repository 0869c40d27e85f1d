/** The values of a header in `rawHeaders` (names and values in turn), whatever the case of its name. */
export function headerValues(rawHeaders: readonly string[], lowerCaseName: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    // Comparing lengths first excludes almost all other headers.
    if (name.length !== lowerCaseName.length || name.toLowerCase() !== lowerCaseName) continue;
    values.push(rawHeaders[index + 1] as string);
  }
  return values;
}

/**
 * Headers that are about one connection (RFC 9110 §7.6.1) or about the framing, which changes here, and
 * cookies, which no metadata service sets.
 */
const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The headers to forward, in order: all except those of the connection and those that `Connection` names.
 * @param allowed if given, the only names to forward, in lower case.
 */
export function toEndToEndHeaders(
  rawHeaders: readonly string[],
  allowed?: ReadonlySet<string>,
): string[] {
  const named = new Set(
    headerValues(rawHeaders, 'connection').flatMap((value) =>
      value.split(',').map((option) => option.trim().toLowerCase()),
    ),
  );
  const headers: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const lowerCaseName = name.toLowerCase();
    if (connectionHeaders.has(lowerCaseName) || named.has(lowerCaseName)) continue;
    if (allowed?.has(lowerCaseName) === false) continue;
    headers.push(name, rawHeaders[index + 1] as string);
  }
  return headers;
}
