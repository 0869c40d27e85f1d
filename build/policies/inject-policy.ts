/** The policy that injects the proxy into pods that ask for it: a MutatingAdmissionPolicy. */
import {
  appService,
  initName,
  policyAnnotations,
  proxyName,
  tokenExpiration,
  webhook,
} from '../../src/inject/contract.ts';
import { indent, toCel, wrap } from './cel.ts';
import { initExpression, proxyExpression, toHeader, volumes } from './containers.ts';
import { faultExpression, faultVariables, seconds } from './faults.ts';
import { addSecrets, inits, moveBothToFront, moveProxyToFront, patch, places } from './patches.ts';
import {
  annotation,
  asks,
  type Condition,
  isNoMirror,
  readPod,
  type Variable,
} from './read-pod.ts';
import { injectSettings } from './settings.ts';

/** Each ServiceAccount of the namespace is tried; one is the pod's. */
const isOfAccount: Condition = {
  name: 'is-of-this-service-account',
  expression: 'params.metadata.name == object.spec.?serviceAccountName.orValue("default")',
};

const accountAnnotation = (key: string): string =>
  `params.metadata.?annotations[?${JSON.stringify(key)}].orValue("")`;
const namespaceAnnotation = (key: string): string =>
  `variables.namespaceAnnotations[?${JSON.stringify(key)}].orValue("")`;

/** An annotation of the ServiceAccount, else of the namespace; an empty one counts as missing, as for upstream. */
function ofAccount(key: string, otherwise: string): string {
  return `([
  ${accountAnnotation(key)},
  ${namespaceAnnotation(key)},
  ${otherwise}
].filter(v, v != "") + [""])[0]`;
}

/** Other webhooks may have put something in front. */
const reorder = `(
  variables.redirect
    ? ${indent(indent(moveBothToFront)).trimStart()}
    : ${moveProxyToFront}
)`;

/** An application's container that has none of the variables of App Service: half of them would lead nowhere. */
const isUnpointed = `!(c.name in ["${initName}", "${proxyName}"]) && !c.?env.orValue([]).exists(e,
    e.name in [${appService.clientVariables.flatMap((pair) => pair.map((name) => `"${name}"`)).join(', ')}])`;

/** Where the environment of such containers is, for pods without the redirect. The texts keep one type. */
const pointed: readonly Variable[] = [
  {
    name: 'pointed',
    expression: `variables.redirect ? [] : (
  variables.inits.filter(c, ${isUnpointed})
    .map(c, {"path": "/spec/initContainers/" + string(variables.initNames.indexOf(c.name)) + "/env", "has": string(has(c.env))}) +
  object.spec.containers.filter(c, ${isUnpointed})
    .map(c, {"path": "/spec/containers/" + string(variables.names.indexOf(c.name)) + "/env", "has": string(has(c.env))})
)`,
  },
];

/** Points the application's containers to the proxy by the variables of App Service. */
const point: readonly string[] = [
  `variables.pointed.filter(c, c.has == "false").map(c, ${patch('add', 'c.path', '[]')})`,
  ...appService.clientVariables.flatMap(([where, secret]) =>
    [
      { name: where, value: `http://127.0.0.1:$[variables.port]${appService.path}` },
      toHeader(secret),
    ].map(
      (item) =>
        `variables.pointed.map(c, ${patch('add', 'c.path + "/-"', toCel(item, 'Object.spec.containers.env'))})`,
    ),
  ),
];

/** Removes containers with our names, from the end on, so that the indices stay right. */
const remove: readonly string[] = [
  `(variables.initAt > variables.proxyAt
  ? [variables.initAt, variables.proxyAt]
  : [variables.proxyAt, variables.initAt])
  .filter(i, i >= 0).map(i, ${patch('remove', `${inits} + string(i)`)})`,
  `(variables.names.indexOf("${initName}") > variables.names.indexOf("${proxyName}")
  ? ["${initName}", "${proxyName}"]
  : ["${proxyName}", "${initName}"])
  .filter(n, n in variables.names).map(n, ${patch('remove', '"/spec/containers/" + string(variables.names.indexOf(n))')})`,
];

/** Volumes are added at the end, or replace the volume with their name. */
const addVolumes: readonly string[] = [
  `(has(object.spec.volumes) ? [] : [${patch('add', '"/spec/volumes"', '[]')}])`,
  ...volumes.map(({ name, condition, value }) => {
    const present = `object.spec.?volumes.orValue([]).exists(v, v.name == "${name}")`;
    const at = `object.spec.volumes.map(v, v.name).indexOf("${name}")`;
    return `(${condition}
  ? [${present}
      ? ${patch('replace', `"/spec/volumes/" + string(${at})`, value)}
      : ${patch('add', '"/spec/volumes/-"', value)}]
  : [])`;
  }),
];

function toFirst(container: string): string {
  return [
    patch('add', `${inits} + "0"`, container),
    patch('add', `${inits} + "0/resources"`, 'variables.resources'),
  ].join(', ');
}

const addContainers: readonly string[] = [
  `(has(object.spec.initContainers) ? [] : [${patch('add', '"/spec/initContainers"', '[]')}])`,
  `[${toFirst(proxyExpression)}]`,
  `(variables.redirect ? [${toFirst(initExpression)}] : [])`,
];

const tellFault = `(has(object.metadata.annotations) ? [] : [${patch('add', '"/metadata/annotations"', '{}')}]) +
[${patch('add', `"/metadata/annotations/${policyAnnotations.fault.replace('/', '~1')}"`, 'variables.fault')}]`;

const build = [...point, ...remove, ...addContainers, ...addVolumes, ...addSecrets].join(' +\n');

const mutation = `variables.fault != ""
? ${indent(tellFault).trimStart()}
: variables.isDone
? ${indent(reorder).trimStart()}
: ${indent(build).trimStart()}`;

const variables: readonly Variable[] = [
  ...injectSettings.map(({ name, expression }) => ({ name, expression })),
  ...readPod,
  {
    name: 'namespaceAnnotations',
    expression: 'namespaceObject.metadata.?annotations.orValue({})',
  },
  { name: 'names', expression: 'object.spec.containers.map(c, c.name)' },
  { name: 'initNames', expression: 'variables.inits.map(c, c.name)' },
  {
    name: 'identity',
    expression: wrap(
      '{',
      [
        `"clientId": ${ofAccount(webhook.clientIdAnnotation, 'variables.clientId')}`,
        `"tenantId": ${ofAccount(webhook.tenantIdAnnotation, 'variables.tenantId')}`,
      ],
      '}',
    ),
  },
  {
    name: 'askedExpiration',
    expression: `([
  ${annotation(webhook.expirationAnnotation)},
  ${accountAnnotation(webhook.expirationAnnotation)}
].filter(v, v != "") + ["${tokenExpiration.defaultSeconds}"])[0]`,
  },
  {
    name: 'expiration',
    expression: `variables.askedExpiration.matches("${seconds}") ? int(variables.askedExpiration) : ${tokenExpiration.defaultSeconds}`,
  },
  { name: 'identities', expression: annotation(policyAnnotations.identities) },
  {
    name: 'identitiesConfigMap',
    expression: `(${annotation(policyAnnotations.identitiesConfigMap)} + "/identities.json").split("/")`,
  },
  {
    name: 'headerSecret',
    expression: `(${annotation(policyAnnotations.headerSecret)} == ""
  ? "imds-proxy/header"
  : ${annotation(policyAnnotations.headerSecret)} + "/header").split("/")`,
  },
  ...(['allowedClientIds', 'allowedResources'] as const).map((name) => ({
    name,
    expression: namespaceAnnotation(policyAnnotations[name]),
  })),
  ...faultVariables,
  { name: 'fault', expression: faultExpression },
  {
    name: 'isDone',
    expression: `variables.proxyFits && (variables.redirect ? variables.initFits : !("${initName}" in variables.initNames))`,
  },
  ...pointed,
  ...places,
];

/** The policy, without its version. */
export const injectPolicy = {
  kind: 'MutatingAdmissionPolicy',
  spec: {
    failurePolicy: 'Fail',
    // Other webhooks may put containers in front of ours.
    reinvocationPolicy: 'IfNeeded',
    paramKind: { apiVersion: 'v1', kind: 'ServiceAccount' },
    matchConstraints: {
      objectSelector: { matchLabels: { [webhook.useLabel]: 'true' } },
      resourceRules: [
        { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
      ],
    },
    matchConditions: [isOfAccount, isNoMirror, asks],
    variables,
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: mutation } }],
  },
};
