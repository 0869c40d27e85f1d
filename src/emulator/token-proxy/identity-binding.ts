import { join } from 'node:path';
import type { BindingState, Identity } from '../entra-tenant/identity.ts';
import { InputError } from '../input.ts';
import { createProjectedFile } from '../kubernetes-issuer/projected-file.ts';
import { createProjectedToken } from '../kubernetes-issuer/projected-token.ts';
import { type ServiceAccount, toSubject } from '../kubernetes-issuer/service-account-claims.ts';
import {
  startTokenProxy,
  type TokenProxy,
  type TokenProxyDeps,
  type TokenProxyOptions,
} from './token-proxy.ts';

/** What a cluster with identity binding has more than one without. */
export interface IdentityBinding {
  readonly tokenProxy: TokenProxy;
  /** A token for Entra itself, beside the one for the token proxy. */
  readonly federationTokenFile: string;
  /** Puts a new managed identity into the state that is asked for; by default it may be used. */
  adopt(identity: Identity, state: BindingState | undefined): Identity;
  /** Writes CA and token, for the first time. */
  write(): Promise<void>;
  stop(): Promise<void>;
  /** Removes the written files. */
  remove(): Promise<void>;
}

export interface IdentityBindingOptions extends TokenProxyOptions {
  readonly stateDirectory: string;
  /** The pod's. */
  readonly serviceAccount: ServiceAccount;
  readonly federationAudience: string;
  readonly assertionLifetimeSeconds: number;
}

/** Starts the token proxy, and writes a second token beside the pod's usual one. */
export async function startIdentityBinding(
  deps: TokenProxyDeps,
  options: IdentityBindingOptions,
): Promise<IdentityBinding> {
  const { clock, issuer, onError } = deps;
  const { stateDirectory, serviceAccount, federationAudience, assertionLifetimeSeconds } = options;
  const caFile = createProjectedFile(clock, {
    directory: join(stateDirectory, 'ca-cert'),
    name: 'ca.crt',
  });
  const tokenProxy = await startTokenProxy(deps, caFile, options);
  const file = createProjectedFile(clock, {
    directory: join(stateDirectory, 'federation-token'),
    name: 'azure-identity-token',
  });
  const token = createProjectedToken(
    { clock, issuer, file, onError },
    {
      serviceAccount,
      audiences: [federationAudience],
      lifetimeSeconds: assertionLifetimeSeconds,
    },
  );
  return {
    tokenProxy,
    federationTokenFile: file.path,
    adopt(identity, state) {
      if (identity.kind !== 'managed-identity') {
        if (state === undefined || state === 'none') return identity;
        throw new InputError(`${identity.name}: an app registration cannot have a binding`);
      }
      if (state === 'none') return identity;
      return tokenProxy.bind(identity, state === 'forbidden' ? [] : [toSubject(serviceAccount)]);
    },
    async write() {
      await Promise.all([caFile.write(tokenProxy.caPem), token.rotate()]);
    },
    stop: () => token.stop(),
    async remove() {
      await Promise.all([caFile.remove(), file.remove()]);
    },
  };
}
