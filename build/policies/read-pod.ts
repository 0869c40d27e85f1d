/**
 * What the policies read of a pod, as CEL. They read the annotations as src/inject/proxy-request.ts does, and the
 * containers as the description of them is.
 */
import {
  initName,
  policyAnnotations,
  proxyAnnotations,
  proxyName,
  tokenVolume,
  webhook,
} from '../../src/inject/contract.ts';
import type { Path, Value } from '../../src/inject/manifest/value.ts';
import { valueAt } from '../../src/inject/manifest/value.ts';
import { proxyPort } from '../../src/shared/redirect-contract.ts';
import { indent, toCel } from './cel.ts';
import { init, proxy } from './containers.ts';

/** An entry of `variables` of an admission policy. */
export interface Variable {
  readonly name: string;
  readonly expression: string;
}

/** An entry of `matchConditions`, which cannot use the variables. */
export type Condition = Variable;

/** An annotation of the pod; the empty text if the pod does not have it. */
export function annotation(key: string): string {
  return `variables.annotations[?${JSON.stringify(key)}].orValue("")`;
}

/** Whether the pod has an annotation. */
export function hasAnnotation(key: string): string {
  return `${JSON.stringify(key)} in variables.annotations`;
}

const stated = `[${proxyAnnotations.map((key) => JSON.stringify(key)).join(', ')}]
  .filter(k, k in object.metadata.?annotations.orValue({}))
  .map(k, object.metadata.annotations[k].lowerAscii())`;

/** A static pod runs whatever is said of its mirror in the API. */
export const isNoMirror: Condition = {
  name: 'is-not-a-static-pod',
  expression: '!("kubernetes.io/config.mirror" in object.metadata.?annotations.orValue({}))',
};

/** Has one of the two annotations, and none of them says "false". */
export const asks: Condition = {
  name: 'asks-for-the-proxy',
  expression: `size(${stated}) > 0 &&
!${stated}.exists(v, v == "false")`,
};

/** All of them are "true". */
export const isClear: Condition = {
  name: 'says-true',
  expression: `${stated}.all(v, v == "true")`,
};

/** Variables of both policies. The policies refuse bad values elsewhere: faults.ts. */
export const readPod: readonly Variable[] = [
  { name: 'annotations', expression: 'object.metadata.?annotations.orValue({})' },
  { name: 'inits', expression: 'object.spec.?initContainers.orValue([])' },
  {
    name: 'port',
    expression: `${annotation(webhook.portAnnotation)}.matches("^[1-9][0-9]{0,4}$")
  ? ${annotation(webhook.portAnnotation)}
  : "${proxyPort}"`,
  },
  {
    name: 'redirect',
    expression: `${annotation(policyAnnotations.redirect)}.lowerAscii() != "false"`,
  },
  {
    name: 'binding',
    expression: `${annotation(webhook.identityBindingAnnotation)}.lowerAscii() == "true"`,
  },
  { name: 'initFits', expression: `variables.inits.exists(c, ${indent(fitsInit()).trimStart()})` },
  {
    name: 'proxyFits',
    expression: `variables.inits.exists(c, ${indent(fitsProxy()).trimStart()})`,
  },
];

/**
 * Whether `c` does the work of our init container. Images, resources and whatever other webhooks have added do not
 * matter: two releases of this policy, a mirror of the registry and a LimitRange get along.
 */
function fitsInit(): string {
  const user = ['securityContext', 'runAsUser'];
  return all([
    `c.name == ${JSON.stringify(initName)}`,
    isEqual(init, user, '-1'),
    isEqual(init, ['securityContext', 'privileged'], 'true'),
    `"NET_ADMIN" in c.?securityContext.?capabilities.?add.orValue([])`,
    'c.?env.orValue([]).exists(e, e.name == "PROXY_PORT" && e.?value.orValue("") == variables.port)',
  ]);
}

/** Whether `c` does the work of our proxy. */
function fitsProxy(): string {
  const token = JSON.stringify(tokenVolume.name);
  return all([
    `c.name == ${JSON.stringify(proxyName)}`,
    isEqual(proxy, ['restartPolicy'], '""'),
    isEqual(proxy, ['securityContext', 'runAsUser'], '-1'),
    isEqual(proxy, ['securityContext', 'runAsNonRoot'], 'false'),
    `${toCel(at(proxy, ['args', 0]))} in c.?args.orValue([])`,
    isEqual(proxy, ['startupProbe', 'exec', 'command'], '[]'),
    `c.?volumeMounts.orValue([]).exists(m, m.name == ${token})`,
    `variables.redirect != c.?env.orValue([]).exists(e, e.name == "IMDS_PROXY_IDENTITY_HEADER")`,
  ]);
}

function isEqual(container: Value, path: Path, otherwise: string): string {
  return `c.?${path.join('.?')}.orValue(${otherwise}) == ${toCel(at(container, path))}`;
}

function at(container: Value, path: Path): Value {
  const value = valueAt(container, path);
  if (value === undefined) throw new Error(`a container of ours has no ${path.join('.')}`);
  return value;
}

function all(terms: readonly string[]): string {
  return terms.join(' &&\n');
}
