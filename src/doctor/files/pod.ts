import {
  bindingLabel,
  proxyAnnotations,
  recordAnnotation,
  webhook,
} from '../../inject/contract.ts';
import { isMap, type Path, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { findPlatform, type Platform } from '../../inject/pod/platform.ts';
import { containersOf, itemsOf, specOf } from '../../inject/pod/shape.ts';
import { type ProxyRequest, readProxyRequest } from '../../inject/proxy-request.ts';
import { cleanName, createTextCleaner } from './clean-text.ts';
import { type Container, toContainer, toText } from './container.ts';

/** The object that people know: what made the pods, or a pod that nothing made. */
export interface Subject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** A pod, or the template of pods to come. */
export interface Pod {
  readonly subject: Subject;
  /** undefined for a template. */
  readonly name: string | undefined;
  readonly createdAtMs: number;
  readonly serviceAccount: string;
  /** False if it runs as `default` because it names none. */
  readonly namesServiceAccount: boolean;
  readonly spec: ValueMap;
  readonly containers: readonly Container[];
  readonly proxy: Container | undefined;
  readonly init: Container | undefined;
  readonly apps: readonly Container[];
  /** What keeps the redirect from working there at all. */
  readonly platform: Platform | undefined;
  /** The webhook mutates only pods with this label. */
  readonly hasLabel: boolean;
  /** AAD Pod Identity serves it, if that still runs. */
  readonly isOfPodIdentity: boolean;
  readonly request: ProxyRequest;
  /** The annotation by which it asks for the proxy. */
  readonly asksBy: string | undefined;
  /** Has the proxy, or asks for it. */
  readonly isConcerned: boolean;
  /** Whether something, usually the webhook, has given it a federated token. */
  readonly hasToken: boolean;
  annotation(name: string): string | undefined;
  status(path: Path): string;
}

/**
 * @param value the pod, or an object whose `metadata` and `spec` are those of a template.
 * @param status the pod's; undefined for a template.
 */
export function toPod(
  value: ValueMap,
  subject: Subject,
  { isTemplate, namespace }: { readonly isTemplate: boolean; readonly namespace: string },
): Pod {
  const spec = specOf(value);
  const status = isTemplate ? undefined : value['status'];
  const clean = createTextCleaner(value);
  const containers = containersOf(value).map((one) => toContainer(one, status, clean));
  const annotation = (name: string): string | undefined => {
    const text = valueAt(value, ['metadata', 'annotations', name]);
    return text === undefined ? undefined : String(text);
  };
  const request = readProxyRequest(value);
  const asksBy =
    request.kind === 'wanted'
      ? proxyAnnotations.find((name) => annotation(name) !== undefined)
      : undefined;
  const named = toText(spec['serviceAccountName']) || toText(spec['serviceAccount']);
  const proxy = containers.find(({ role }) => role === 'proxy');
  const init = containers.find(({ role }) => role === 'init');
  return {
    subject: { ...subject, namespace },
    name: isTemplate ? undefined : cleanName(toText(valueAt(value, ['metadata', 'name']))),
    createdAtMs: Date.parse(toText(valueAt(value, ['metadata', 'creationTimestamp']))) || 0,
    serviceAccount: cleanName(named || 'default'),
    namesServiceAccount: named !== '',
    spec,
    containers,
    proxy,
    init,
    apps: containers.filter(({ role }) => role === 'app'),
    platform: findPlatform(spec),
    hasLabel: String(valueAt(value, ['metadata', 'labels', webhook.useLabel]) ?? '') === 'true',
    isOfPodIdentity: toText(valueAt(value, ['metadata', 'labels', bindingLabel])) !== '',
    request,
    asksBy,
    isConcerned:
      asksBy !== undefined ||
      request.kind === 'unclear' ||
      proxy !== undefined ||
      init !== undefined ||
      annotation(recordAnnotation) !== undefined,
    hasToken: findTokenVolumes(spec).length > 0,
    annotation,
    status: (path) => clean(toText(valueAt(status, path))),
  };
}

/** A volume into which the kubelet writes a token for another audience than the API server's own. */
function findTokenVolumes(spec: ValueMap): readonly ValueMap[] {
  return itemsOf(spec['volumes'])
    .filter(isMap)
    .filter((volume) =>
      itemsOf(valueAt(volume, ['projected', 'sources'])).some(
        (source) => valueAt(source, ['serviceAccountToken', 'audience']) !== undefined,
      ),
    );
}
