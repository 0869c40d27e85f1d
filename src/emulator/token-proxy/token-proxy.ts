import { createHash } from 'node:crypto';
import { createServer } from 'node:https';
import type { Clock } from '../clock.ts';
import type { Identity } from '../entra-tenant/identity.ts';
import type { IdentityRegistry } from '../entra-tenant/identity-registry.ts';
import { type Listener, listen } from '../http/listener.ts';
import { toOrigin } from '../http/origin.ts';
import { postForm } from '../http/post-form.ts';
import type { Journal } from '../journal.ts';
import type { KubernetesIssuer } from '../kubernetes-issuer/kubernetes-issuer.ts';
import type { ProjectedFile } from '../kubernetes-issuer/projected-file.ts';
import type { BindingIssuer } from './binding-issuer.ts';
import { type Bindings, createBindings } from './bindings.ts';
import { createTokenProxyHandler } from './token-proxy-handler.ts';
import { createTokenProxyTls } from './token-proxy-tls.ts';
import type { TokenReview } from './token-review.ts';

/** The AKS token proxy of the emulated cluster. */
export interface TokenProxy {
  /** The value for AZURE_KUBERNETES_TOKEN_PROXY. */
  readonly url: string;
  /** The value for AZURE_KUBERNETES_SNI_NAME. */
  readonly serverName: string;
  /** The value for AZURE_KUBERNETES_CA_FILE. */
  readonly caFile: string;
  readonly caPem: string;
  readonly bindings: Bindings;
  /** Creates the binding of a managed identity; returns it with its new federated credential. */
  bind(identity: Identity, subjects: readonly string[]): Identity;
  rotateCa(options: { readonly retireOld: boolean }): Promise<void>;
}

export interface TokenProxyDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly issuer: KubernetesIssuer;
  readonly bindingIssuer: BindingIssuer;
  readonly review: TokenReview;
  readonly identities: IdentityRegistry;
  /** The emulated Entra, and what vouches for it. */
  readonly authorityHost: string;
  readonly entraCaPem: string;
  readonly onStart: (listener: Listener) => void;
  readonly onError: (error: unknown) => void;
}

export interface TokenProxyOptions {
  readonly host: string;
  readonly port: number;
  /** Name or address that clients reach it by. */
  readonly publicName: string;
}

/**
 * Starts what answers at the address of an AKS API server: the token proxy for one TLS server name, the
 * API server for all others, both with certificates of one throw-away CA.
 * @throws Error that names the port and what to change
 */
export async function startTokenProxy(
  deps: TokenProxyDeps,
  caFile: ProjectedFile,
  { host, port, publicName }: TokenProxyOptions,
): Promise<TokenProxy> {
  const { clock, journal, issuer, bindingIssuer, identities } = deps;
  const serverName = toServerName(issuer.url);
  const apiServer = ['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  const tls = await createTokenProxyTls(
    { nowMs: () => clock.epochMs(), file: caFile },
    {
      serverName,
      apiServerNames: [...new Set([publicName, 'localhost', '127.0.0.1', '::1', ...apiServer])],
    },
  );
  const server = createServer({
    SNICallback: (asked, callback) => callback(null, tls.contextFor(asked)),
  });
  server.setSecureContext(tls.unnamed);
  const listener = await listen(server, { name: 'token proxy', host, port });
  deps.onStart(listener);

  const bindings = createBindings();
  const findIdentity = (clientId: string): Identity | undefined =>
    identities.list().find((identity) => identity.clientId === clientId.toLowerCase());
  listener.handle(
    createTokenProxyHandler(
      {
        clock,
        journal,
        bindings,
        findIdentity,
        review: deps.review,
        exchange: async (identity, form, signal) => {
          const own = new URLSearchParams(form);
          own.set('client_assertion', await bindingIssuer.mint(identity));
          const url = `${deps.authorityHost}/${identity.tenantId}/oauth2/v2.0/token`;
          return postForm(url, own, { caPem: deps.entraCaPem, signal });
        },
        onError: deps.onError,
      },
      { serverName },
    ),
  );

  return {
    url: `${toOrigin('https', publicName, listener.port)}/`,
    serverName,
    caFile: caFile.path,
    get caPem() {
      return tls.caPem;
    },
    bindings,
    bind(identity, subjects) {
      const credential = bindingIssuer.credentialFor(identity);
      const others = identity.credentials.filter(({ issuer: of }) => of !== credential.issuer);
      const bound = { ...identity, credentials: [...others, credential] };
      identities.put(bound);
      bindings.put({ clientId: identity.clientId, subjects });
      return bound;
    },
    async rotateCa(options) {
      await tls.rotate(options);
      server.setSecureContext(tls.unnamed);
    },
  };
}

/** A name of the shape that AKS gives a cluster; clients take it from their environment. */
function toServerName(clusterName: string): string {
  const hash = createHash('sha256').update(`identity-binding ${clusterName}`).digest('hex');
  return `a${hash.slice(0, 52)}.ests.aks`;
}
