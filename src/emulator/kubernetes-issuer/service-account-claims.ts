import { randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { toStableGuid } from '../stable-guid.ts';

/** The ServiceAccount that a token speaks for. */
export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

/** The content of one projected token. */
export interface AssertionRequest {
  readonly serviceAccount: ServiceAccount;
  readonly audiences: readonly string[];
  readonly lifetimeSeconds: number;
  /** Replaces `iss`: for tokens that a federation is meant to refuse. */
  readonly issuer?: string | undefined;
  /** Replaces `sub`, which otherwise names the ServiceAccount. */
  readonly subject?: string | undefined;
  /** How long ago it was issued, otherwise now: more than its life makes it expired, less than 0 early. */
  readonly ageSeconds?: number | undefined;
  /** Laid over the finished claims; a value of `undefined` takes the claim away. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** `sub` of a ServiceAccount's token. */
export function toSubject({ namespace, name }: ServiceAccount): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The claims of a token as the API server projects it into a pod (Kubernetes 1.30 and later). */
export function toProjectedClaims(
  issuer: string,
  request: AssertionRequest,
  nowSeconds: number,
): JWTPayload {
  const { serviceAccount, audiences, lifetimeSeconds } = request;
  const issuedAt = nowSeconds - (request.ageSeconds ?? 0);
  const { namespace, name } = serviceAccount;
  const pod = `${name}-pod`;
  return {
    aud: [...audiences],
    exp: issuedAt + lifetimeSeconds,
    iat: issuedAt,
    iss: request.issuer ?? issuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      node: { name: 'emulated-node', uid: toStableGuid('node') },
      pod: { name: pod, uid: toStableGuid('pod', namespace, pod) },
      serviceaccount: { name, uid: toStableGuid('serviceaccount', namespace, name) },
    },
    nbf: issuedAt,
    sub: request.subject ?? toSubject(serviceAccount),
    ...request.claims,
  };
}
