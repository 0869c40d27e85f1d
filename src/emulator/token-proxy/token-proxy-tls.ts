import { createSecureContext, type SecureContext } from 'node:tls';
import type { ProjectedFile } from '../kubernetes-issuer/projected-file.ts';
import { createServerIdentities } from '../tls/throwaway-ca.ts';

/** The certificates behind one address, by TLS server name, and the CA file of the pods. */
export interface TokenProxyTls {
  readonly caPem: string;
  /** The token proxy's for its own name, the API server's for every other. */
  contextFor(serverName: string): SecureContext;
  /** The API server's, for clients that name no server, as they do when they have an address. */
  readonly unnamed: { readonly cert: string; readonly key: string };
  /**
   * Has a new CA sign new certificates. The file holds both CAs before the server changes, and with
   * `retireOld` the new one alone afterwards.
   */
  rotate(options: { readonly retireOld: boolean }): Promise<void>;
}

export async function createTokenProxyTls(
  { nowMs, file }: { readonly nowMs: () => number; readonly file: ProjectedFile },
  {
    serverName,
    apiServerNames,
  }: {
    readonly serverName: string;
    readonly apiServerNames: readonly string[];
  },
): Promise<TokenProxyTls> {
  const create = async () => {
    const { caPem, servers } = await createServerIdentities(
      [[serverName], apiServerNames],
      nowMs(),
    );
    const [tokenProxy, apiServer] = servers.map(({ certificatePem, privateKeyPem }) => ({
      cert: certificatePem,
      key: privateKeyPem,
    }));
    if (tokenProxy === undefined || apiServer === undefined) throw new Error('no certificates');
    return {
      caPem,
      unnamed: apiServer,
      tokenProxy: createSecureContext(tokenProxy),
      apiServer: createSecureContext(apiServer),
    };
  };
  let current = await create();
  return {
    get caPem() {
      return current.caPem;
    },
    get unnamed() {
      return current.unnamed;
    },
    contextFor: (asked) => (asked === serverName ? current.tokenProxy : current.apiServer),
    async rotate({ retireOld }) {
      const next = await create();
      await file.write(`${current.caPem}${next.caPem}`);
      current = next;
      if (retireOld) await file.write(next.caPem);
    },
  };
}
