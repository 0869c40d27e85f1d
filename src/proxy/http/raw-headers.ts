/** The values of a header in `rawHeaders` (names and values in turn), whatever the case of its name. */
export function headerValues(rawHeaders: readonly string[], lowerCaseName: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    // The length rules out nearly every other header without looking at its letters.
    if (name.length !== lowerCaseName.length || name.toLowerCase() !== lowerCaseName) continue;
    values.push(rawHeaders[index + 1] as string);
  }
  return values;
}

/**
 * Headers that concern one connection only (RFC 9110 §7.6.1), the ones that describe a framing we
 * replace, and cookies, which no metadata service sets.
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
 * The headers that may travel on, in order: all but those of the connection and those that `Connection` names.
 * @param allowed if given, no other names (in lower case) travel on.
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
