/** The policies that let no pod through which asks for the proxy and does not have it, and that give hints. */
import {
  initName,
  policyAnnotations,
  proxyAnnotations,
  proxyName,
  webhook,
} from '../../src/inject/contract.ts';
import { annotation, asks, isNoMirror, readPod } from './read-pod.ts';

const createdPods = {
  resourceRules: [
    { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
  ],
};

const account = '"ServiceAccount " + object.spec.?serviceAccountName.orValue("default")';

/** Refuses: the faults that the mutating policy found, and pods that it did not reach. */
export const checkPolicy = {
  kind: 'ValidatingAdmissionPolicy',
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: {
      objectSelector: { matchLabels: { [webhook.useLabel]: 'true' } },
      ...createdPods,
    },
    matchConditions: [isNoMirror, asks],
    variables: [
      ...readPod,
      { name: 'initNames', expression: 'variables.inits.map(c, c.name)' },
      { name: 'fault', expression: annotation(policyAnnotations.fault) },
    ],
    validations: [
      {
        expression: 'variables.fault == ""',
        messageExpression: '"imds-proxy: " + variables.fault',
      },
      {
        expression: `variables.fault != "" || "${proxyName}" in variables.initNames`,
        messageExpression: `"imds-proxy: not injected: " + ${account} + " was not selected; if the binding of the mutating policy selects ServiceAccounts by a label, add the label, and see that policy and binding exist"`,
      },
      {
        expression: `variables.fault != "" || !("${proxyName}" in variables.initNames) ||
variables.proxyFits && (variables.redirect ? variables.initFits : !("${initName}" in variables.initNames))`,
        message: `imds-proxy: ${proxyName} or ${initName} is not as the mutating policy makes it, and pod traffic might reach the node's identity; find the webhook that changes them after the policy (kubectl get mutatingwebhookconfigurations), and exclude them there`,
      },
      {
        expression: `variables.fault != "" || !variables.proxyFits || (variables.redirect
  ? variables.initNames.indexOf("${initName}") == 0 && variables.initNames.indexOf("${proxyName}") == 1
  : variables.initNames.indexOf("${proxyName}") == 0)`,
        message: `imds-proxy: ${initName} and ${proxyName} are not the first init containers, and those before them would reach the node's identity; find the webhook that puts containers in front after the policy (kubectl get mutatingwebhookconfigurations)`,
      },
    ],
  },
};

const proxy = `object.spec.?initContainers.orValue([]).filter(c, c.name == "${proxyName}")`;

/** Warns, and refuses nothing. */
export const hintPolicy = {
  kind: 'ValidatingAdmissionPolicy',
  spec: {
    failurePolicy: 'Ignore',
    matchConstraints: createdPods,
    matchConditions: [isNoMirror, asks],
    validations: [
      {
        expression: `object.metadata.?labels[?"${webhook.useLabel}"].orValue("") == "true"`,
        message: `imds-proxy: not injected: the pod has the annotation ${proxyAnnotations[0]} or ${proxyAnnotations[1]}, and not the label ${webhook.useLabel}: "true"; add the label`,
      },
      {
        expression: `${proxy}.all(c, c.?env.orValue([]).exists(e, e.name in ["AZURE_CLIENT_ID", "IMDS_PROXY_IDENTITIES"]))`,
        messageExpression: `"imds-proxy: " + ${account} + " has no annotation ${webhook.clientIdAnnotation}: each request for a token must name a client ID"`,
      },
    ],
  },
};
