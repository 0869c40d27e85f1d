/**
 * Where a request to Entra goes when a token proxy stands in: the proxy's origin, its path and the request's
 * joined by exactly one slash, the escaping of both and the request's query kept. The SDKs do the same.
 * @param proxyUrl origin and path, without query and fragment.
 */
export function toTokenProxyUrl(proxyUrl: string, requestUrl: string): string {
  const { origin, pathname } = new URL(proxyUrl);
  const { pathname: requestPath, search } = new URL(requestUrl);
  const path = `${pathname.replace(/\/$/, '')}/${requestPath.replace(/^\//, '')}`;
  return `${origin}${path}${search}`;
}
