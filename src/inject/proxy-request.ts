import { proxyAnnotations, webhook } from './contract.ts';
import { type Value, valueAt } from './manifest/value.ts';

/** What a pod's annotations and label say about the proxy. Everything of ours that asks, asks here. */
export type ProxyRequest =
  | { readonly kind: 'wanted' }
  | { readonly kind: 'unstated' }
  /** `by` names the annotation or label, as in `annotation KEY: "false"`. */
  | { readonly kind: 'refused'; readonly by: string }
  /** Neither yes nor no. `fault` is a message with the remedy. */
  | { readonly kind: 'unclear'; readonly fault: string };

/**
 * Reads whether a pod wants the proxy. `inject-proxy-sidecar` (upstream's webhook) and `proxy` (AKS's migration
 * guide) mean the same. A "false" wins over a "true"; a value that is neither is a fault, because a guess would
 * either change a pod against its owner's will or leave it with the identity of the node.
 * @param pod a pod, or the template of one. YAML booleans count as their text.
 */
export function readProxyRequest(pod: Value): ProxyRequest {
  const stated = proxyAnnotations.flatMap((key) => {
    const value = read(pod, 'annotations', key);
    return value === undefined ? [] : [{ key, value }];
  });
  const refusal = stated.find(({ value }) => isWord(value, 'false'));
  if (refusal !== undefined) {
    return { kind: 'refused', by: `annotation ${refusal.key}: ${JSON.stringify(refusal.value)}` };
  }
  const use = read(pod, 'labels', webhook.useLabel);
  if (use !== undefined && isWord(use, 'false')) {
    return { kind: 'refused', by: `label ${webhook.useLabel}: ${JSON.stringify(use)}` };
  }
  const unclear = stated.find(({ value }) => !isWord(value, 'true'));
  if (unclear !== undefined) {
    const { key, value } = unclear;
    const fault = `the annotation ${key} is ${JSON.stringify(value)}, neither "true" nor "false"; set it to "true" for the proxy, or to "false" against it`;
    return { kind: 'unclear', fault };
  }
  return { kind: stated.length > 0 ? 'wanted' : 'unstated' };
}

function read(pod: Value, map: 'annotations' | 'labels', key: string): string | undefined {
  const value = valueAt(pod, ['metadata', map, key]);
  return value === undefined ? undefined : String(value ?? '');
}

/** Go, YAML 1.1 and Python write the two words in different cases. */
function isWord(value: string, word: 'true' | 'false'): boolean {
  return value.toLowerCase() === word;
}
