/** An answer of any status, read to its end. */
export interface HttpReply {
  readonly status: number;
  /** Names in lower case; of a header that came several times, the first value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** How the token endpoint is reached. */
export interface Transport {
  /**
   * Sends one POST, without retries, redirects or cookies.
   * @throws the signal's reason as soon as it aborts, whatever the request waits for; otherwise an error
   * with a `code` of Node (ECONNREFUSED, CERT_HAS_EXPIRED, …) or undici (UND_ERR_…).
   */
  post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<HttpReply>;
}

/**
 * The URL of a request to Entra when it goes to the token proxy instead: the proxy's origin, its path and the
 * request's joined by exactly one slash. The escaping of both and the request's query stay. The SDKs do the same.
 * @param proxyUrl origin and path, without query and fragment.
 */
export function toTokenProxyUrl(proxyUrl: string, requestUrl: string): string {
  const { origin, pathname } = new URL(proxyUrl);
  const { pathname: requestPath, search } = new URL(requestUrl);
  const path = `${pathname.replace(/\/$/, '')}/${requestPath.replace(/^\//, '')}`;
  return `${origin}${path}${search}`;
}
