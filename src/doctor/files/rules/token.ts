import { audiences, webhook } from '../../../inject/contract.ts';
import { isMap, type ValueMap, valueAt } from '../../../inject/manifest/value.ts';
import { itemsOf } from '../../../inject/pod/shape.ts';
import { isFederationAudience } from '../../../proxy/entra/explain/commands.ts';
import { proxyUid } from '../../../shared/redirect-contract.ts';
import type { Finding } from '../causes.ts';
import { toRestart } from '../commands.ts';
import { type Container, findSetting, toText } from '../container.ts';
import type { Pod } from '../pod.ts';

const variableName = 'AZURE_FEDERATED_TOKEN_FILE';
const apiServerFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Entra refuses a token with a longer life (AADSTS70023). */
const MAX_LIFE_SECONDS = 86_400;

/** Whether the proxy finds a token that Entra, or the token proxy, will take. */
export function* checkToken(pod: Pod): Generator<Finding> {
  const { proxy, subject } = pod;
  if (proxy === undefined) return;
  const variable = proxy.variables.get(variableName);
  if (variable === undefined) {
    yield* explainMissing(pod, proxy);
    return;
  }
  const path = variable.value;
  // It comes from elsewhere, or its folder depends on another variable.
  if (path === undefined || path.includes('$(')) return;
  if (path.startsWith(`${apiServerFolder}/`)) {
    const gone =
      pod.spec['automountServiceAccountToken'] === false
        ? ', and automountServiceAccountToken: false takes it away'
        : '';
    yield {
      cause: 'token-of-api-server',
      detail: `${variableName} of ${proxy.name} names the token for the API server, whose audience Entra refuses${gone}`,
      fix: mountFix(proxy),
    };
    return;
  }
  const mount = findMount(proxy.spec, path);
  if (mount === undefined) {
    yield {
      cause: 'token-not-mounted',
      detail: `${variableName} of ${proxy.name} is ${path}, and no volume is mounted there`,
      fix: mountFix(proxy),
    };
    return;
  }
  const file = path.slice(toText(mount['mountPath']).replace(/\/+$/, '').length + 1);
  if (mount['subPath'] !== undefined || mount['subPathExpr'] !== undefined) {
    yield {
      cause: 'token-not-renewed',
      detail: `the volume at ${toText(mount['mountPath'])} of ${proxy.name} is mounted with subPath: the file keeps its first token, which expires`,
      fix: `Mount the whole volume on a folder, without subPath. Then: ${toRestart(subject)}`,
    };
    return;
  }
  const name = toText(mount['name']);
  const volume = itemsOf(pod.spec['volumes']).find((one) => valueAt(one, ['name']) === name);
  if (!isMap(volume)) return;
  yield* checkVolume(pod, proxy, volume, file);
}

/** The proxy does not start with both: they might differ. */
export function* checkAuthorities({ proxy }: Pod): Generator<Finding> {
  const names = ['AZURE_KUBERNETES_CA_FILE', 'AZURE_KUBERNETES_CA_DATA'];
  if (proxy === undefined || !names.every((name) => proxy.variables.has(name))) return;
  yield {
    cause: 'two-authorities',
    detail: `${proxy.name} has both ${names.join(' and ')}, and does not start`,
    fix: `Take the CA data out of the settings of the webhook (customTokenEndpoint of its chart), or ${names[1]} off the container.`,
  };
}

function* explainMissing(pod: Pod, proxy: Container): Generator<Finding> {
  const skipped = pod.annotation(webhook.skipAnnotation)?.split(';') ?? [];
  if (skipped.some((name) => name.trim() === proxy.name)) {
    yield {
      cause: 'token-skipped',
      detail: `the annotation ${webhook.skipAnnotation} names ${proxy.name}, so that the webhook gives it no token`,
      fix: `Take ${proxy.name} out of the annotation in the pod template.`,
    };
    return;
  }
  // The webhook adds it when it makes a pod of the template.
  if (pod.name === undefined && pod.hasLabel) return;
  yield {
    cause: 'token-missing',
    detail: `${proxy.name} has no ${variableName}${pod.hasLabel ? ': the webhook did not change this pod' : `, and the pod has no label ${webhook.useLabel}: "true", for which the webhook would set it`}`,
    fix: pod.hasLabel ? toRestart(pod.subject) : mountFix(proxy),
  };
}

function mountFix({ name }: Container): string {
  return `Add the label ${webhook.useLabel}: "true" to the pod template, so that the webhook mounts the token, or mount it yourself: add the volume {name: azure-identity-token, projected: {sources: [{serviceAccountToken: {audience: ${audiences.entra}, expirationSeconds: 3600, path: azure-identity-token}}]}}, mount it into ${name}, and set ${variableName} to the file.`;
}

/** The mount that has the file: the one with the longest path that leads to it. */
function findMount(spec: ValueMap, path: string): ValueMap | undefined {
  const covers = (mount: ValueMap): boolean => {
    const folder = toText(mount['mountPath']).replace(/\/+$/, '');
    return path === folder || path.startsWith(`${folder}/`);
  };
  return itemsOf(spec['volumeMounts'])
    .filter(isMap)
    .filter(covers)
    .sort((a, b) => toText(b['mountPath']).length - toText(a['mountPath']).length)[0];
}

function* checkVolume(
  pod: Pod,
  proxy: Container,
  volume: ValueMap,
  file: string,
): Generator<Finding> {
  const name = toText(volume['name']);
  if (!isMap(volume['projected'])) {
    const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
    yield {
      cause: 'token-not-renewed',
      detail: `the volume ${name} is not a projected one (${kind}): the kubelet does not write or renew a token there`,
      fix: mountFix(proxy),
    };
    return;
  }
  const tokens = itemsOf(valueAt(volume, ['projected', 'sources']))
    .map((source) => valueAt(source, ['serviceAccountToken']))
    .filter(isMap);
  const token = tokens.find((one) => toText(one['path']) === file);
  if (token === undefined) {
    const [first] = tokens;
    yield {
      cause: 'token-path',
      detail: `${variableName} of ${proxy.name} names the file ${file} of the volume ${name}, which has ${first === undefined ? 'no token' : `the token in ${toText(first['path'])}`}`,
      fix: `Set path of the volume's serviceAccountToken to ${file}, or the variable to the file of the volume.`,
    };
    return;
  }
  yield* checkAudience(proxy, token);
  const life = Number(token['expirationSeconds'] ?? 3_600);
  if (life > MAX_LIFE_SECONDS) {
    yield {
      cause: 'token-life',
      detail: `the token of the volume ${name} lives ${life} s`,
      fix: `Set expirationSeconds to ${MAX_LIFE_SECONDS} or less; 3600 is usual.`,
    };
  }
  yield* checkMode(pod, proxy, volume);
}

function* checkAudience(proxy: Container, token: ValueMap): Generator<Finding> {
  const audience = toText(token['audience']);
  const off = findSetting(proxy, 'identity-binding', 'IMDS_PROXY_IDENTITY_BINDING') === 'off';
  const isBinding = !off && proxy.variables.has('AZURE_KUBERNETES_TOKEN_PROXY');
  const shown = audience === '' ? 'the API server' : audience.slice(0, 120);
  if (
    isBinding ? audience !== '' && !isFederationAudience(audience) : isFederationAudience(audience)
  ) {
    return;
  }
  yield isBinding
    ? {
        cause: 'token-audience',
        detail: `the token of ${proxy.name} is for ${shown}, and its token proxy takes ${audiences.identityBinding}`,
        fix: `Put the annotation ${webhook.identityBindingAnnotation}: "true" on the pod itself, and create it again; or set the audience of the volume to ${audiences.identityBinding}.`,
      }
    : {
        cause: 'token-audience',
        detail: `the token of ${proxy.name} is for ${shown}, and Entra takes ${audiences.entra}`,
        fix:
          audience === audiences.identityBinding
            ? `Take the annotation ${webhook.identityBindingAnnotation} off the pod and create it again, or set AZURE_KUBERNETES_TOKEN_PROXY (docs/identity-binding.md).`
            : `Set audience of the volume's serviceAccountToken to ${audiences.entra}, and not a federated credential to this audience.`,
      };
}

/**
 * The kubelet writes the token with the mode of the volume. With fsGroup it becomes readable to that group. If all
 * containers run as one user, that user owns it (kubernetes/kubernetes, pkg/volume/projected).
 */
function* checkMode(pod: Pod, proxy: Container, volume: ValueMap): Generator<Finding> {
  const mode = Number(valueAt(volume, ['projected', 'defaultMode']) ?? 0o644);
  const security = pod.spec['securityContext'];
  if ((mode & 0o004) !== 0 || valueAt(security, ['fsGroup']) !== undefined) return;
  const userOf = (one: Container): unknown =>
    valueAt(one.spec, ['securityContext', 'runAsUser']) ?? valueAt(security, ['runAsUser']);
  const user = userOf(proxy) ?? proxyUid;
  if (user === 0 || pod.containers.every((one) => userOf(one) === user)) return;
  yield {
    cause: 'token-unreadable',
    detail: `the volume ${toText(volume['name'])} has defaultMode 0${mode.toString(8)} and the pod no fsGroup: user ${user}, as whom ${proxy.name} runs, may not read the token`,
    fix: `Set securityContext.fsGroup of the pod, such as ${proxyUid}, or remove defaultMode.`,
  };
}
