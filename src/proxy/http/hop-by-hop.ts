/**
 * Headers that concern one connection only (RFC 9110 §7.6.1), the ones that describe a framing we
 * replace, and cookies, which no metadata service sets.
 */
const dropped: ReadonlySet<string> = new Set([
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

/** The headers that may travel on, in order: all but the above and those that `Connection` names. */
export function toEndToEndHeaders(rawHeaders: readonly string[]): string[] {
  const pairs: [name: string, value: string][] = [];
  const named = new Set<string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    pairs.push([name, value]);
    if (name.toLowerCase() !== 'connection') continue;
    for (const option of value.split(',')) named.add(option.trim().toLowerCase());
  }
  return pairs
    .filter(([name]) => !dropped.has(name.toLowerCase()) && !named.has(name.toLowerCase()))
    .flat();
}
