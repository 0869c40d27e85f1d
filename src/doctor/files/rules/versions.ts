import type { Finding } from '../causes.ts';
import type { Container } from '../container.ts';
import type { Pod } from '../pod.ts';

/** The tag or digest of an image. */
export function versionOf({ image }: Container): string {
  const [, name = '', digest] = /^(.*?)(?:@(sha256:[\da-f]{1,64}))?$/i.exec(image) ?? [];
  const tag = /:([\w.-]{1,128})$/.exec(name)?.[1];
  return tag ?? digest?.slice(0, 19) ?? 'latest';
}

/** Whose images a pod runs, and whether both are of one version. */
export function* checkImages({ proxy, init }: Pod): Generator<Finding> {
  const upstream = [proxy, init].filter((one) => one?.isUpstream === true);
  if (upstream.length > 0) {
    const names = upstream.map((one) => `${one?.name} (${one?.image.slice(0, 120)})`).join(', ');
    yield {
      cause: 'upstream-proxy',
      detail: `the pod runs azure-workload-identity's own images: ${names}`,
      fix: 'To run these instead, see docs/get-started/upstream-proxy.md.',
    };
    return;
  }
  if (proxy === undefined || init === undefined) return;
  const [one, other] = [versionOf(proxy), versionOf(init)];
  // Digests of two images always differ.
  if (one === other || one.startsWith('sha256:') || other.startsWith('sha256:')) return;
  yield {
    cause: 'pod-versions',
    detail: `${proxy.name} is of version ${one}, and ${init.name} of ${other}`,
    fix: 'Use the images of one release.',
  };
}
