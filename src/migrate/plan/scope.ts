import type { Cluster } from '../read/cluster.ts';

/** How AAD Pod Identity matches pods with bindings of other namespaces in this cluster. */
export interface Scope {
  readonly kind: 'cluster' | 'namespace' | 'unknown';
  /** `--cluster-scoped` says one thing, and the input another. */
  readonly isContradicted: boolean;
}

/**
 * MIC's flags decide, or NMI's where there is no MIC (the managed mode). AKS's add-on forces namespaces. Without
 * any of them the flag decides.
 */
export function findScope({ components, hasAddOn }: Cluster, isClusterScoped: boolean): Scope {
  const isForced =
    hasAddOn ||
    components.some((one) => one.isNamespaced || (one.component === 'nmi' && one.isAddOn));
  if (isForced) return { kind: 'namespace', isContradicted: isClusterScoped };
  const hasMic = components.some(({ component }) => component === 'mic');
  return { kind: hasMic || isClusterScoped ? 'cluster' : 'unknown', isContradicted: false };
}
