import type { Clock } from '../clock.ts';
import type { KubernetesIssuer } from './kubernetes-issuer.ts';
import type { ProjectedFile } from './projected-file.ts';
import type { AssertionRequest } from './service-account-claims.ts';
import { createTokenRotation } from './token-rotation.ts';

/** The differences of a token from the usual one. */
export interface AssertionOverrides {
  readonly namespace?: string | undefined;
  readonly serviceAccount?: string | undefined;
  readonly issuer?: string | undefined;
  readonly subject?: string | undefined;
  readonly audiences?: readonly string[] | undefined;
  readonly lifetimeSeconds?: number | undefined;
  /** How long ago it was issued; below 0: it is of the future. */
  readonly ageSeconds?: number | undefined;
  /** Laid over the finished claims; `undefined` takes a claim away. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** The pod's token: a file that always holds a fresh one. */
export interface ProjectedToken {
  mint(overrides?: AssertionOverrides): Promise<string>;
  /** Writes a token with these overrides, now and at every rotation to come. */
  project(overrides: AssertionOverrides): Promise<void>;
  /** Writes a new token now. */
  rotate(): Promise<void>;
  stop(): Promise<void>;
}

/** @param usual the token that the file holds without overrides */
export function createProjectedToken(
  deps: {
    readonly clock: Clock;
    readonly issuer: KubernetesIssuer;
    readonly file: ProjectedFile;
    readonly onError: (error: unknown) => void;
  },
  usual: AssertionRequest,
): ProjectedToken {
  const { clock, issuer, file, onError } = deps;
  let current = usual;
  const rotation = createTokenRotation({
    clock,
    file,
    mint: async () => ({
      token: await issuer.mint(current),
      lifetimeSeconds: current.lifetimeSeconds,
    }),
    onError,
  });
  return {
    mint: (overrides = {}) => issuer.mint(applyOverrides(usual, overrides)),
    project(overrides) {
      current = applyOverrides(usual, overrides);
      return rotation.rotate();
    },
    rotate: () => rotation.rotate(),
    stop: () => rotation.stop(),
  };
}

function applyOverrides(usual: AssertionRequest, overrides: AssertionOverrides): AssertionRequest {
  const { issuer, subject, ageSeconds, claims } = overrides;
  return {
    serviceAccount: {
      namespace: overrides.namespace ?? usual.serviceAccount.namespace,
      name: overrides.serviceAccount ?? usual.serviceAccount.name,
    },
    audiences: overrides.audiences ?? usual.audiences,
    lifetimeSeconds: overrides.lifetimeSeconds ?? usual.lifetimeSeconds,
    issuer,
    subject,
    ageSeconds,
    claims,
  };
}
