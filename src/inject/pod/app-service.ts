import { createHmac } from 'node:crypto';
import { appService, proxyName } from '../contract.ts';
import { ManifestError } from '../manifest/manifest-error.ts';
import { isMap, type ValueMap } from '../manifest/value.ts';
import type { InjectSettings } from '../settings.ts';
import { type Env, type EnvValue, toEnv } from './containers.ts';
import type { Workload } from './context.ts';
import type { Draft } from './draft.ts';
import { getAt } from './pointer.ts';
import { containersOf, itemsOf, type PlacedContainer } from './shape.ts';

/** What came of pointing a pod's containers to the proxy. */
export interface PointedPod {
  /** Variables that the proxy needs. */
  readonly proxyVariables: Env;
  readonly notes: readonly string[];
}

/**
 * Gives the containers of the application the variables of App Service, by which SDKs find the proxy
 * without a redirect. Older and newer names go together: a newer SDK that finds only the older ones takes
 * them for those of another service.
 * @param template the pod as it is: if it has a secret of an earlier run, that one is kept.
 * @param base the pod without any containers of ours.
 * @throws ManifestError if there is no secret: a random one would differ at each run.
 */
export function pointToProxy(
  template: ValueMap,
  base: ValueMap,
  draft: Draft,
  settings: InjectSettings,
  proxyPort: number,
  workload: Workload,
): PointedPod {
  const { path, clientVariables, proxyVariable } = appService;
  const secret = findHeader(template, settings, workload);
  const endpoint = `http://127.0.0.1:${proxyPort}${path}`;
  const variables = new Map<string, EnvValue>(
    clientVariables.flatMap(([where, what]) => [
      [where, endpoint] as const,
      [what, secret] as const,
    ]),
  );
  const notes: string[] = [];
  for (const container of containersOf(base)) {
    const taken = findTaken(container, variables);
    if (taken === undefined) addVariables(draft, container, variables);
    else notes.push(`container ${container.name} sets ${taken} itself and does not ask the proxy`);
  }
  return { proxyVariables: new Map([[proxyVariable, secret]]), notes };
}

function findHeader(template: ValueMap, settings: InjectSettings, workload: Workload): EnvValue {
  const { proxyEnv, header } = settings;
  const given = proxyEnv.get(appService.proxyVariable);
  if (given !== undefined) return given;
  if (header?.kind === 'secretRef') {
    return { secretKeyRef: { name: header.name, key: header.key } };
  }
  if (header !== undefined) return deriveHeader(header.key, workload);
  const present = findPresent(template);
  if (present !== undefined) return present;
  const message =
    'without the redirect the pod needs a secret, which must not change from run to run; pass --header-key-file or --header-key-variable with a key to derive it from, or --header-secret with a Secret that has it';
  throw new ManifestError(message, { path: ['spec'] });
}

/** 256 bits, in a form that is safe in every header and every YAML. */
function deriveHeader(key: string, { namespace, kind, name, template }: Workload): string {
  const identity = JSON.stringify([namespace ?? '', kind, name, template ?? '']);
  return createHmac('sha256', key)
    .update(`imds-proxy identity header v1 ${identity}`)
    .digest('hex');
}

/** A variable that somebody has set on purpose; with only some of ours beside it nothing would work. */
function findTaken({ value }: PlacedContainer, variables: Env): string | undefined {
  return [...variables.keys()].find((name) => getAt(value, ['env', name]) !== undefined);
}

function addVariables(draft: Draft, { list, name, value }: PlacedContainer, variables: Env): void {
  const first = itemsOf(value['env']).length;
  for (const [index, variable] of toEnv(variables).entries()) {
    draft.addItem(['spec', list, name, 'env'], first + index, variable);
  }
}

function findPresent(template: ValueMap): EnvValue | undefined {
  for (const list of ['initContainers', 'containers']) {
    const variable = getAt(template, ['spec', list, proxyName, 'env', appService.proxyVariable]);
    const value = getAt(variable, ['value']);
    if (typeof value === 'string' && value !== '') return value;
    const reference = getAt(variable, ['valueFrom', 'secretKeyRef']);
    const [name, key] = isMap(reference) ? [reference['name'], reference['key']] : [];
    if (typeof name === 'string' && typeof key === 'string') return { secretKeyRef: { name, key } };
  }
  return undefined;
}
