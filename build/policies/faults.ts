/**
 * Why the policy does not inject a pod that asks for it, as CEL: what src/inject/pod/check-pod.ts refuses, and bad
 * annotations of pod, ServiceAccount and namespace.
 */
import {
  initName,
  policyAnnotations,
  proxyAnnotations,
  proxyName,
  tokenExpiration,
  webhook,
} from '../../src/inject/contract.ts';
import { proxyGid, proxyUid } from '../../src/shared/redirect-contract.ts';
import { indent, toCel } from './cel.ts';
import { annotation, hasAnnotation, isClear } from './read-pod.ts';

interface Fault {
  readonly condition: string;
  /** What is wrong: where; what to do. It may hold expressions in `$[…]`. */
  readonly message: string;
}

const system = '["kubernetes.io/os", "beta.kubernetes.io/os"]';
const terms =
  'object.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])';

/** The same signs as in `findWindows` of src/inject/pod/check-pod.ts. */
const isWindows = `object.spec.?os.?name.orValue("") == "windows" ||
${system}.exists(k, object.spec.?nodeSelector[?k].orValue("") == "windows") ||
object.spec.?securityContext.?windowsOptions.hasValue() ||
variables.applications.exists(c, c.?securityContext.?windowsOptions.hasValue()) ||
size(${terms}) > 0 &&
${terms}.all(t, t.?matchExpressions.orValue([]).exists(e,
  e.key in ${system} && (
    e.operator == "In" && e.values.all(v, v == "windows") ||
    e.operator == "NotIn" && "linux" in e.values)))`;

/** As in `findVirtualNode`. */
const isVirtual = `object.spec.?nodeSelector[?"type"].orValue("") == "virtual-kubelet" ||
object.spec.?nodeSelector[?"kubernetes.io/role"].orValue("") == "agent" &&
object.spec.?tolerations.orValue([]).exists(t, t.?key.orValue("") == "virtual-kubelet.io/provider")`;

const takesPort = `c.?ports.orValue([]).exists(p, p.containerPort in variables.ours && p.?protocol.orValue("TCP") == "TCP") ||
[c.?startupProbe, c.?livenessProbe, c.?readinessProbe].exists(p,
  p.?httpGet.?port.orValue(0) in variables.ours ||
  p.?tcpSocket.?port.orValue(0) in variables.ours ||
  p.?grpc.?port.orValue(0) in variables.ours)`;

/** The redirect lets the proxy's user and group through, whoever else has them. */
const isProxyUser = `c.?securityContext.?runAsUser.or(object.spec.?securityContext.?runAsUser).orValue(0) == ${proxyUid} &&
c.?securityContext.?runAsGroup.or(object.spec.?securityContext.?runAsGroup).orValue(${proxyGid}) == ${proxyGid}`;

const guid = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
const label = '[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?';
const domain = `^${label}([.]${label})+$`;
/** NAME or NAME/KEY of a ConfigMap or Secret. */
const reference = '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[A-Za-z0-9._-]+)?$';
export const seconds = '^[1-9][0-9]{3,4}$';

const ofNamespace = (key: string): string =>
  `${JSON.stringify(key)} in variables.namespaceAnnotations`;

const { leastSeconds, mostSeconds, defaultSeconds } = tokenExpiration;
const account = 'ServiceAccount $[params.metadata.name]';
const whose = `${account} or namespace $[namespaceObject.metadata.name]`;

export const faults: readonly Fault[] = [
  {
    condition: `!(${isClear.expression})`,
    message: `the annotations ${proxyAnnotations.join(' and ')} are neither "true" nor "false"; set "true" for the proxy, or "false" against it`,
  },
  {
    condition: 'object.spec.?hostNetwork.orValue(false)',
    message:
      'hostNetwork is true, so that redirect and tokens would be those of the whole node; run the pod without it, or remove the annotation that asks for the proxy',
  },
  {
    condition: isWindows,
    message:
      'a pod for Windows, which has neither redirect nor image; let its application ask for tokens itself (workload identity in its SDK), and remove the annotation that asks for the proxy',
  },
  {
    condition: isVirtual,
    message:
      'a pod for virtual nodes, which run no init containers with capabilities; run it on ordinary nodes, or remove the annotation that asks for the proxy',
  },
  {
    condition: `!(${annotation(policyAnnotations.redirect)}.lowerAscii() in ["", "true", "false"])`,
    message: `${policyAnnotations.redirect} is neither "true" nor "false"; set "false" for a pod that may not have NET_ADMIN`,
  },
  {
    condition: `variables.redirect &&
namespaceObject.metadata.?labels[?"pod-security.kubernetes.io/enforce"].orValue("privileged") != "privileged"`,
    message: `namespace $[namespaceObject.metadata.name] enforces Pod Security $[namespaceObject.metadata.labels["pod-security.kubernetes.io/enforce"]], which refuses the NET_ADMIN of the redirect; set the level to privileged, or annotate the pod with ${policyAnnotations.redirect}: "false"`,
  },
  {
    condition: `${hasAnnotation(webhook.portAnnotation)} && (
  !${annotation(webhook.portAnnotation)}.matches("^[1-9][0-9]{0,4}$") ||
  int(variables.port) > 65535)`,
    message: `${webhook.portAnnotation} is not a port from 1 to 65535; correct it, or remove it for 8000`,
  },
  {
    condition: 'int(variables.port) == variables.adminPort',
    message: `${webhook.portAnnotation} is $[variables.port], the port of the proxy's metrics; choose another`,
  },
  {
    condition: 'size(variables.portTakers) > 0',
    message: `a container listens on port $[variables.port] or $[variables.adminPort], which the proxy needs: $[variables.portTakers.join(", ")]; set ${webhook.portAnnotation} to another port, or change the container's`,
  },
  {
    condition:
      'variables.redirect && variables.passthrough != "off" && size(variables.proxyUsers) > 0',
    message: `a container runs as user ${proxyUid}, as the proxy does, and would reach the node's identity: $[variables.proxyUsers.join(", ")]; set another runAsUser`,
  },
  {
    condition: `${hasAnnotation(policyAnnotations.identities)} && ${hasAnnotation(policyAnnotations.identitiesConfigMap)}`,
    message: `${policyAnnotations.identities} and ${policyAnnotations.identitiesConfigMap} are both set; remove one of them`,
  },
  {
    condition: `${hasAnnotation(policyAnnotations.identities)} && !${annotation(policyAnnotations.identities)}.matches("^\\\\s*\\\\[")`,
    message: `${policyAnnotations.identities} is not a JSON list; write [{"clientId": "…"}] (docs/configuration.md, More than one identity)`,
  },
  ...[policyAnnotations.identitiesConfigMap, policyAnnotations.headerSecret].map((key) => ({
    condition: `${hasAnnotation(key)} && !${annotation(key)}.matches("${reference}")`,
    message: `${key} is neither a name nor NAME/KEY; correct it`,
  })),
  {
    condition: 'variables.binding && variables.tokenProxy == ""',
    message: `${webhook.identityBindingAnnotation} is "true", and the policy knows no token proxy; set tokenProxy in the policy, or remove the annotation`,
  },
  {
    condition: `!variables.askedExpiration.matches("${seconds}") ||
variables.expiration < ${leastSeconds} || variables.expiration > ${mostSeconds}`,
    message: `${webhook.expirationAnnotation} is not a number of seconds from ${leastSeconds} to ${mostSeconds}: the pod or its ${account}; correct it, or remove it for ${defaultSeconds}`,
  },
  {
    condition: `variables.identity.clientId != "" && !variables.identity.clientId.matches("${guid}")`,
    message: `${webhook.clientIdAnnotation} is not a GUID: ${whose}; set the client ID of the identity (az identity show --query clientId)`,
  },
  {
    condition: 'variables.identity.tenantId == ""',
    message: `no tenant is known: ${whose} has no annotation ${webhook.tenantIdAnnotation}; add it, or set tenantId in the policy (az account show --query tenantId)`,
  },
  {
    condition: `!variables.identity.tenantId.matches("^$|${guid}|${domain}")`,
    message: `${webhook.tenantIdAnnotation} is neither a GUID nor a domain: ${whose}; set the ID of the tenant (az account show --query tenantId)`,
  },
  ...(['allowedClientIds', 'allowedResources'] as const).map((name) => ({
    condition: `${ofNamespace(policyAnnotations[name])} && variables.${name}.matches("^[,\\\\s]*$")`,
    message: `${policyAnnotations[name]} is empty: namespace $[namespaceObject.metadata.name]; list the allowed ones, or remove it to allow all`,
  })),
];

/** All messages, or the empty text. */
export const faultExpression = `(
${indent(faults.map(toTerm).join(' +\n'))}
).join("; also: ")`;

function toTerm({ condition, message }: Fault): string {
  return `(${indent(condition).trimStart()}
  ? [${toCel(message)}]
  : [])`;
}

/** Containers of the application, and the ports that are ours. */
export const faultVariables = [
  {
    name: 'applications',
    expression: `(variables.inits + object.spec.containers).filter(c, !(c.name in ["${initName}", "${proxyName}"]))`,
  },
  { name: 'ours', expression: '[int(variables.port), variables.adminPort]' },
  {
    name: 'portTakers',
    expression: `variables.applications.filter(c, ${indent(takesPort).trimStart()}).map(c, c.name)`,
  },
  {
    name: 'proxyUsers',
    expression: `variables.applications.filter(c, ${indent(isProxyUser).trimStart()}).map(c, c.name)`,
  },
];
