/** Links that container runtimes and network plugins make on nodes, and never in pods. */
const nodeLinks = new Set(['docker0', 'cni0', 'cbr0', 'kube-ipvs0', 'cilium_host']);

/**
 * What gives a network namespace away as a node's: a chain of the kubelet or kube-proxy, or a link that
 * only nodes have. Undefined if nothing does. Comparing a link's index with its peer's shows nothing: both
 * can be 2 in a pod.
 */
export function findNodeTrait(
  chainNames: readonly string[],
  linkNames: readonly string[],
): string | undefined {
  const chain = chainNames.find((name) => name.startsWith('KUBE-'));
  if (chain !== undefined) return `chain ${chain}`;
  const link = linkNames.find((name) => nodeLinks.has(name));
  return link === undefined ? undefined : `link ${link}`;
}

/**
 * The names in the text of /proc/net/dev. That file follows the process's network namespace, which /sys,
 * mounted once, need not do.
 */
export function parseLinkNames(text: string): readonly string[] {
  return [...text.matchAll(/^\s*([^\s:|]+):/gm)].map(([, name = '']) => name);
}
