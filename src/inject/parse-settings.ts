import type { Option, Values } from '../shared/option-table.ts';
import { isComplete, resolveOptions } from '../shared/options.ts';
import { lastOf } from './arguments.ts';
import { injectOptions } from './options.ts';
import type { Credentials, InjectSettings } from './settings.ts';

type Texts = ReadonlyMap<string, readonly string[]>;
type FlagValues = Values<Omit<typeof injectOptions, 'proxyEnv' | 'initEnv'>>;

/** What the flags of `inject` come to, or what is wrong with them. */
export type ParsedSettings =
  | { readonly ok: true; readonly settings: InjectSettings }
  | { readonly ok: false; readonly errors: readonly string[] };

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

export function parseSettings(texts: Texts): ParsedSettings {
  const proxyEnv = parseVariables(injectOptions.proxyEnv, texts.get('proxyEnv'));
  const initEnv = parseVariables(injectOptions.initEnv, texts.get('initEnv'));
  const { proxyEnv: _, initEnv: __, ...table } = injectOptions;
  const resolution = resolveOptions(table, lastOf(texts), {});
  const errors = [
    ...resolution.errors,
    ...findRedirectFaults(resolution.values, texts),
    ...proxyEnv.errors,
    ...initEnv.errors,
  ];
  if (!isComplete(resolution)) return { ok: false, errors };

  const { values } = resolution;
  errors.push(...findConflicts(values));
  if (errors.length > 0) return { ok: false, errors };
  const { proxyImage, initImage, proxyPort, adminPort, logLevel, passthrough } = values;
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = values;
  return {
    ok: true,
    settings: {
      sidecar: isClassic(values) ? 'classic' : 'native',
      proxyImage,
      initImage,
      proxyPort,
      adminPort,
      logLevel,
      passthrough,
      proxyEnv: proxyEnv.variables,
      initEnv: initEnv.variables,
      resources: { cpuRequest, cpuLimit, memoryRequest, memoryLimit },
      credentials: toCredentials(values),
    },
  };
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

interface ParsedVariables {
  readonly variables: ReadonlyMap<string, string>;
  readonly errors: readonly string[];
}

function parseVariables(
  option: Option<readonly [string, string]>,
  texts: readonly string[] | undefined,
): ParsedVariables {
  const variables = new Map<string, string>();
  const errors: string[] = [];
  for (const text of texts ?? []) {
    const resolution = resolveOptions({ variable: option }, new Map([['variable', text]]), {});
    errors.push(...resolution.errors);
    const { variable } = resolution.values;
    if (variable !== undefined) variables.set(...variable);
  }
  return { variables, errors };
}
