/** Asks the admin API of an emulator. */
export type AskEmulator = <T>(method: string, path: string, body?: unknown) => Promise<T>;

export function createAsk(adminUrl: string): AskEmulator {
  return async <T>(method: string, path: string, body?: unknown) => {
    const response = await fetch(new URL(path, adminUrl), {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
}
