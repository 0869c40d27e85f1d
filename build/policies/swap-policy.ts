/**
 * The policy for the pods of the azure-workload-identity webhook whose images nobody can set, such as the managed one
 * of AKS: a MutatingAdmissionPolicy that makes its two containers ours.
 */
import { proxyName, recordAnnotation, webhook } from '../../src/inject/contract.ts';
import { indent, toCel, wrap } from './cel.ts';
import { init, proxy } from './containers.ts';
import { addSecrets, inits, moveBothToFront, patch, places } from './patches.ts';
import { type Condition, isNoMirror, readPod, type Variable } from './read-pod.ts';
import { swapSettings } from './settings.ts';

/** The webhook injects whatever the annotation says, and `inject` removes it from its pods. */
const isOfWebhook: Condition = {
  name: 'injected-by-the-webhook',
  expression: `"${webhook.injectAnnotation}" in object.metadata.?annotations.orValue({}) &&
!("${recordAnnotation}" in object.metadata.?annotations.orValue({}))`,
};

const image = { init: 'variables.initImage', proxy: 'variables.proxyImage' } as const;

/**
 * Makes one container of the webhook ours, if the pod has it.
 * @param at the variable with its place in `list`.
 */
function change(
  which: 'init' | 'proxy',
  list: 'initContainers' | 'containers',
  at: string,
): string {
  const path = (part: string): string => `"/spec/${list}/" + string(variables.${at}) + "/${part}"`;
  const { securityContext } = { init, proxy }[which];
  if (securityContext === undefined) throw new Error(`${which} has no security context`);
  const patches = [
    patch('add', path('image'), image[which]),
    patch(
      'add',
      path('securityContext'),
      toCel(securityContext, `Object.spec.${list}.securityContext`),
    ),
  ];
  const resources = `object.spec.${list}[variables.${at}].?resources`;
  return toChoice(
    `variables.${at} >= 0`,
    `${wrap('[', patches, ']')} + ${toChoice(
      `${resources}.?requests.hasValue() || ${resources}.?limits.hasValue()`,
      '[]',
      `[${patch('add', path('resources'), 'variables.resources')}]`,
    )}`,
  );
}

function toChoice(condition: string, then: string, otherwise = '[]'): string {
  return `(${condition}\n  ? ${indent(then).trimStart()}\n  : ${indent(otherwise).trimStart()})`;
}

/** A native sidecar gets SIGTERM when all other containers have ended: there is nobody to wait for. */
const drain = { name: 'IMDS_PROXY_DRAIN_QUIET', value: '0s' };
const sidecar = 'object.spec.initContainers[variables.proxyAt]';
const sidecarEnv = `${inits} + string(variables.proxyAt) + "/env`;
const endAtOnce = toChoice(
  `variables.proxyAt >= 0 && ${sidecar}.?restartPolicy.orValue("") == "Always" &&
!${sidecar}.?env.orValue([]).exists(e, e.name == "${drain.name}")`,
  // The API server does not survive a patch whose value is a list of objects.
  `(${sidecar}.?env.hasValue() ? [] : [${patch('add', `${sidecarEnv}"`, '[]')}]) +
[${patch('add', `${sidecarEnv}/-"`, toCel(drain, 'Object.spec.initContainers.env'))}]`,
);

const mutation = [
  change('init', 'initContainers', 'initAt'),
  change('proxy', 'initContainers', 'proxyAt'),
  change('proxy', 'containers', 'classicAt'),
  endAtOnce,
  toChoice('variables.initAt >= 0', addSecrets.join(' +\n')),
  // Last, because it changes the places.
  toChoice('variables.initAt >= 0', moveBothToFront),
].join(' +\n');

const variables: readonly Variable[] = [
  ...swapSettings.map(({ name, expression }) => ({ name, expression })),
  ...readPod.filter(({ name }) => name === 'inits'),
  { name: 'initNames', expression: 'variables.inits.map(c, c.name)' },
  ...places,
  {
    name: 'classicAt',
    expression: `object.spec.containers.map(c, c.name).indexOf("${proxyName}")`,
  },
];

/** The policy, without its version. */
export const swapPolicy = {
  kind: 'MutatingAdmissionPolicy',
  spec: {
    failurePolicy: 'Fail',
    // The webhook adds its containers after the first call.
    reinvocationPolicy: 'IfNeeded',
    matchConstraints: {
      objectSelector: { matchLabels: { [webhook.useLabel]: 'true' } },
      resourceRules: [
        { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
      ],
    },
    matchConditions: [isOfWebhook, isNoMirror],
    variables,
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: mutation } }],
  },
};
