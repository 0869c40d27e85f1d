/** What the pod and the world beyond it know of each other. */
import type { AssertionOverrides } from '../../src/emulator/kubernetes-issuer/projected-token.ts';
import type { OutsideEffects } from './effects.ts';
import type { Post } from './posts.ts';

/** Addresses of the world. Nothing of it leads out of the two namespaces. */
export const addresses = {
  pod: '10.99.0.1',
  router: '10.99.0.254',
  nameServer: '10.96.0.10',
  /** From the ranges for documentation (RFC 5737). */
  entra: '192.0.2.10',
  impostor: '192.0.2.66',
} as const;

export const entraName = 'login.chaos.example';

/** The world as the pod must know it. */
export interface WorldDescription {
  readonly tenantId: string;
  readonly authorityHost: string;
  readonly tokenProxy: { readonly url: string; readonly serverName: string };
  readonly caPem: { readonly entra: string; readonly tokenProxy: string; readonly other: string };
  readonly clientIds: { readonly usual: string; readonly other: string };
}

export type OutsideMethods = {
  /** To be called when the link to the pod is there. */
  connect(): Promise<WorldDescription>;
  set(world: { readonly effects: OutsideEffects; readonly offsetMs: number }): void;
  mint(overrides: AssertionOverrides): Promise<string>;
  /** The requests to Entra since the last call. */
  takePosts(): readonly Post[];
};
