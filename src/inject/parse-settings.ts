import type { Values } from '../shared/option-table.ts';
import { isComplete, resolveOptions } from '../shared/options.ts';
import { lastOf, type Parsed, parseEach, type Texts } from './arguments.ts';
import { toAmount } from './option-types.ts';
import { injectOptions } from './options.ts';
import type { CaBundle, Credentials, HeaderSource, InjectSettings } from './settings.ts';

/** Flags that may be given more than once are read one by one, those of the input by parse-command.ts. */
const {
  proxyEnv,
  initEnv,
  imagePullSecret,
  proxyMount,
  only: _only,
  except: _except,
  annotation: _annotation,
  templatePath: _templatePath,
  ...single
} = injectOptions;
type FlagValues = Values<typeof single>;

/** Flags that have a meaning only when the manifest brings the token. */
const ownOnly = [
  'clientId',
  'tenantId',
  'authorityHost',
  'tokenContainers',
  'tokenProxy',
  'tokenProxySni',
  'tokenProxyCa',
] as const;

/**
 * The settings that the flags of `inject` make, or their faults.
 * @param headerKey the key that the flags for it lead to.
 */
export function parseSettings(texts: Texts, headerKey: string | undefined): Parsed<InjectSettings> {
  const proxyVariables = parseEach(proxyEnv, texts.get('proxyEnv'));
  const initVariables = parseEach(initEnv, texts.get('initEnv'));
  const pullSecrets = parseEach(imagePullSecret, texts.get('imagePullSecret'));
  const mounts = parseEach(proxyMount, texts.get('proxyMount'));
  const resolution = resolveOptions(single, lastOf(texts), {});
  const errors = [
    ...resolution.errors,
    ...findRedirectFaults(resolution.values, texts),
    ...[proxyVariables, initVariables, pullSecrets, mounts].flatMap((parsed) => parsed.errors),
  ];
  if (!isComplete(resolution)) return { ok: false, errors };

  const { values } = resolution;
  errors.push(...findConflicts(values), ...findHeaderFaults(values, headerKey));
  if (errors.length > 0) return { ok: false, errors };
  const { proxyImage, initImage, proxyPort, adminPort, logLevel, passthrough } = values;
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = values;
  const { imagePullPolicy, proxyUser, seccompProfile, dropNetRaw } = values;
  return {
    ok: true,
    value: {
      sidecar: isClassic(values) ? 'classic' : 'native',
      proxyImage,
      initImage: values.noRedirect ? undefined : initImage,
      pullPolicy: imagePullPolicy,
      pullSecrets: [...new Set(pullSecrets.values)],
      proxyPort,
      adminPort,
      logLevel,
      passthrough,
      proxyEnv: new Map(proxyVariables.values),
      initEnv: new Map(initVariables.values),
      resources: { cpuRequest, cpuLimit, memoryRequest, memoryLimit },
      proxyUser,
      seccompProfile,
      caBundle: toCaBundle(values),
      mounts: mounts.values,
      header: toHeader(values, headerKey),
      dropNetRaw,
      credentials: toCredentials(values),
    },
  };
}

function toCaBundle({ caConfigMap, caSecret }: FlagValues): CaBundle | undefined {
  if (caConfigMap !== undefined) return { kind: 'configMap', ...caConfigMap };
  return caSecret && { kind: 'secret', ...caSecret };
}

function toHeader(
  { headerSecret, noRedirect }: FlagValues,
  key: string | undefined,
): HeaderSource | undefined {
  // A defaults file may name it for the workloads that need it.
  if (!noRedirect) return undefined;
  if (headerSecret !== undefined) return { kind: 'secretRef', ...headerSecret };
  return key === undefined ? undefined : { kind: 'derived', key };
}

const leastKeyBytes = 16;

function findHeaderFaults(
  { headerKeyFile, headerKeyVariable, headerSecret }: FlagValues,
  key: string | undefined,
): readonly string[] {
  const given = [headerKeyFile, headerKeyVariable, headerSecret].filter((one) => one !== undefined);
  if (given.length > 1) {
    return [
      '--header-key-file, --header-key-variable and --header-secret exclude one another; give one of them',
    ];
  }
  if (key === undefined || Buffer.byteLength(key) >= leastKeyBytes) return [];
  return [
    `the key for the secret has fewer than ${leastKeyBytes} bytes; make one with: openssl rand -hex 32`,
  ];
}

function isClassic({ classic, nativeSidecar }: FlagValues): boolean {
  return classic ?? nativeSidecar === false;
}

/** The redirect needs its image, and without it nothing of it has a meaning. */
function findRedirectFaults({ noRedirect }: Partial<FlagValues>, texts: Texts): readonly string[] {
  const { flag } = injectOptions.initImage;
  if (noRedirect === false) {
    if (texts.has('initImage')) return [];
    return [`--${flag} not set; name the image that was built from Dockerfile.init`];
  }
  if (noRedirect === undefined) return [];
  const given = (['initImage', 'initEnv'] as const).filter((key) => texts.has(key));
  return given.map(
    (key) => `--${injectOptions[key].flag} has no effect with --no-redirect; leave one of them out`,
  );
}

function findConflicts(values: FlagValues): readonly string[] {
  const { classic, nativeSidecar, proxyPort, adminPort, webhook, identityBinding, tokenProxy } =
    values;
  const errors: string[] = [];
  for (const resource of ['cpu', 'memory'] as const) {
    const request = values[`${resource}Request`];
    const limit = values[`${resource}Limit`];
    if (request === undefined || limit === undefined || toAmount(request) <= toAmount(limit)) {
      continue;
    }
    errors.push(
      `--${resource}-request=${request} is above the limit of ${limit}, which Kubernetes refuses; set --${resource}-limit=${request} as well, or a smaller request`,
    );
  }
  if (values.caConfigMap !== undefined && values.caSecret !== undefined) {
    errors.push('--ca-configmap and --ca-secret exclude each other; give one of them');
  }
  if (values.proxyUser === 'none' && !values.noRedirect) {
    errors.push(
      '--proxy-user=none needs --no-redirect: the redirect lets the proxy through by its user; add it, or name an ID',
    );
  }
  if (classic !== undefined && classic === nativeSidecar) {
    errors.push('--classic and --native-sidecar contradict each other; give one of them');
  }
  if (proxyPort !== undefined && proxyPort === adminPort) {
    errors.push(`--proxy-port and --admin-port are both ${proxyPort}; change one of them`);
  }
  if (webhook === 'present') {
    for (const key of ownOnly) {
      if (values[key] === undefined) continue;
      const flag = injectOptions[key].flag;
      errors.push(
        `--${flag} has no effect beside the webhook, which sets it; add --webhook=absent, or leave it out`,
      );
    }
  } else if (identityBinding !== (tokenProxy !== undefined)) {
    errors.push(
      '--identity-binding and --token-proxy go together when the webhook is absent; give both',
    );
  }
  return errors;
}

function toCredentials(values: FlagValues): Credentials {
  const { webhook, identityBinding, clientId, tenantId, authorityHost, tokenContainers } = values;
  if (webhook === 'present') return { kind: 'webhook', identityBinding };
  const { tokenProxy, tokenProxySni, tokenProxyCa = 'kube-root-ca.crt' } = values;
  return {
    kind: 'own',
    clientId,
    tenantId,
    authorityHost,
    tokenContainers: tokenContainers ?? 'none',
    identityBinding:
      tokenProxy === undefined
        ? undefined
        : { tokenProxy, serverName: tokenProxySni, caConfigMap: tokenProxyCa },
  };
}
