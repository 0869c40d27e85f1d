import { isList, isMap, type Value, type ValueMap } from '../../inject/manifest/value.ts';

/** What the API server sets on every object, and refuses or ignores when somebody else does. */
const serverFields = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];

/** What controllers and kubectl write about an object as it is at the moment. */
const generatedAnnotations = [
  'batch.kubernetes.io/job-tracking',
  'cronjob.kubernetes.io/instantiate',
  'deployment.kubernetes.io/revision',
  'deprecated.daemonset.template.generation',
  'kubectl.kubernetes.io/last-applied-configuration',
];

/** What controllers add to the pods that they make, to know them again. */
const generatedLabels = [
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'pod-template-generation',
  'pod-template-hash',
  'statefulset.kubernetes.io/pod-name',
];

/**
 * An object of a dump as somebody could have written it: without its status and without anything that the API server, a
 * controller or kubectl has added, so that it can be applied. Fields that only have their default values stay.
 */
export function cleanObject(object: ValueMap): ValueMap {
  const { status: _status, ...rest } = object;
  const cleaned = update(rest, 'metadata', cleanMetadata);
  const { kind } = cleaned;
  if (kind === 'Pod') return update(cleaned, 'spec', cleanPodSpec);
  if (kind === 'Job') return update(cleaned, 'spec', cleanJobSpec);
  if (kind === 'ServiceAccount') return cleanAccount(cleaned);
  if (kind === 'CronJob') {
    return update(cleaned, 'spec', (spec) =>
      update(spec, 'jobTemplate', (template) => update(cleanTemplate(template), 'spec', cleanSpec)),
    );
  }
  return update(cleaned, 'spec', cleanSpec);
}

/** Of a Deployment and its like. */
function cleanSpec(spec: ValueMap): ValueMap {
  const cleaned = update(spec, 'template', (template) => cleanTemplate(template));
  const claims = cleaned['volumeClaimTemplates'];
  if (!isList(claims)) return cleaned;
  const templates = claims.map((claim) => {
    if (!isMap(claim)) return claim;
    const { status: _status, ...rest } = claim;
    return cleanTemplate(rest);
  });
  return { ...cleaned, volumeClaimTemplates: templates };
}

/** The selector of a Job names its uid, unless somebody has chosen it. */
function cleanJobSpec(spec: ValueMap): ValueMap {
  const cleaned = cleanSpec(spec);
  if (cleaned['manualSelector'] === true) return cleaned;
  return without(cleaned, ['selector', 'manualSelector']);
}

function cleanTemplate(template: ValueMap): ValueMap {
  const cleaned = update(template, 'metadata', cleanMetadata);
  const { metadata } = cleaned;
  // What held nothing but a creation time.
  const isEmptied = metadata !== template['metadata'] && isEmpty(metadata);
  return isEmptied ? without(cleaned, ['metadata']) : cleaned;
}

function isEmpty(value: Value | undefined): boolean {
  return isMap(value) && Object.keys(value).length === 0;
}

function cleanMetadata(metadata: ValueMap): ValueMap {
  if (isEmpty(metadata)) return metadata;
  const labelled = cleanMap(without(metadata, serverFields), 'labels', generatedLabels);
  return cleanMap(labelled, 'annotations', generatedAnnotations);
}

/** A map without some keys; it goes as well if nothing else was in it. */
function cleanMap(metadata: ValueMap, name: string, keys: readonly string[]): ValueMap {
  const map = metadata[name];
  if (!isMap(map) || !keys.some((key) => Object.hasOwn(map, key))) return metadata;
  const left = without(map, keys);
  return Object.keys(left).length === 0 ? without(metadata, [name]) : { ...metadata, [name]: left };
}

/** Set when a pod is created or scheduled. Its priority is that of its class, and a second one is refused. */
const podFields = ['ephemeralContainers', 'nodeName', 'priority'];

const accountMount = '/var/run/secrets/kubernetes.io/serviceaccount';
const accountVolume = /^kube-api-access-[a-z0-9]{5}$|-token-[a-z0-9]{5}$/;

/**
 * The API server mounts the token of the ServiceAccount into each pod. In a copy it would stay that of the old
 * ServiceAccount.
 */
function cleanPodSpec(spec: ValueMap): ValueMap {
  const names = new Set<Value>();
  const cleanContainers = (containers: Value | undefined): Value | undefined =>
    isList(containers) ? containers.map((one) => cleanContainer(one, names)) : containers;
  const cleaned: Record<string, Value> = without(spec, podFields);
  for (const list of ['initContainers', 'containers']) {
    const containers = cleanContainers(cleaned[list]);
    if (containers !== undefined) cleaned[list] = containers;
  }
  const { volumes, tolerations } = cleaned;
  if (isList(volumes)) {
    const left = volumes.filter((one) => !isMap(one) || !names.has(one['name'] ?? null));
    cleaned['volumes'] = left;
    if (left.length === 0) delete cleaned['volumes'];
  }
  if (isList(tolerations)) {
    const left = tolerations.filter((one) => !isDefaultToleration(one));
    cleaned['tolerations'] = left;
    if (left.length === 0) delete cleaned['tolerations'];
  }
  return cleaned;
}

function cleanContainer(container: Value, volumes: Set<Value>): Value {
  if (!isMap(container)) return container;
  const mounts = container['volumeMounts'];
  if (!isList(mounts)) return container;
  const left = mounts.filter((mount) => {
    if (!isMap(mount)) return true;
    const { mountPath, name } = mount;
    if (mountPath !== accountMount || typeof name !== 'string' || !accountVolume.test(name)) {
      return true;
    }
    volumes.add(name);
    return false;
  });
  const rest = without(container, ['volumeMounts']);
  return left.length === 0 ? rest : { ...container, volumeMounts: left };
}

/** Added to every pod by admission. */
function isDefaultToleration(toleration: Value): boolean {
  return (
    isMap(toleration) &&
    toleration['tolerationSeconds'] === 300 &&
    /^node\.kubernetes\.io\/(?:not-ready|unreachable)$/.test(String(toleration['key']))
  );
}

/** Before Kubernetes 1.24 a controller made a Secret with a token for each ServiceAccount. */
function cleanAccount(account: ValueMap): ValueMap {
  const { secrets } = account;
  if (!isList(secrets)) return account;
  const prefix = `${isMap(account['metadata']) ? account['metadata']['name'] : ''}-`;
  const left = secrets.filter((secret) => {
    const name = isMap(secret) ? String(secret['name'] ?? '') : '';
    return (
      !name.startsWith(prefix) ||
      !/^(?:token|dockercfg)-[a-z0-9]{5}$/.test(name.slice(prefix.length))
    );
  });
  return left.length === 0 ? without(account, ['secrets']) : { ...account, secrets: left };
}

function update(map: ValueMap, key: string, change: (part: ValueMap) => ValueMap): ValueMap {
  const part = map[key];
  return isMap(part) ? { ...map, [key]: change(part) } : map;
}

function without(map: ValueMap, keys: readonly string[]): ValueMap {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
}
