import { appService, proxyName } from '../contract.ts';
import type { ValueMap } from '../manifest/value.ts';
import type { InjectSettings } from '../settings.ts';
import { toEnv } from './containers.ts';
import type { Draft } from './draft.ts';
import { getAt } from './pointer.ts';
import { containersOf, itemsOf, type PlacedContainer } from './shape.ts';

/** What came of pointing a pod's containers to the proxy. */
export interface PointedPod {
  /** What the proxy has to know. */
  readonly proxyVariables: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/**
 * Gives the containers of the application the variables of App Service, by which SDKs find the proxy
 * without a redirect. Older and newer names go together: a newer SDK that finds only the older ones takes
 * them for those of another service.
 * @param template the pod as it is: if it has a secret of an earlier run, that one is kept.
 * @param base the pod without any containers of ours.
 */
export function pointToProxy(
  template: ValueMap,
  base: ValueMap,
  draft: Draft,
  settings: InjectSettings,
  proxyPort: number,
): PointedPod {
  const { path, clientVariables, proxyVariable } = appService;
  const secret = settings.proxyEnv.get(proxyVariable) ?? findSecret(template) ?? createSecret();
  const endpoint = `http://127.0.0.1:${proxyPort}${path}`;
  const variables = new Map(
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

/** A variable that somebody has set on purpose; with only some of ours beside it nothing would work. */
function findTaken(
  { value }: PlacedContainer,
  variables: ReadonlyMap<string, string>,
): string | undefined {
  return [...variables.keys()].find((name) => getAt(value, ['env', name]) !== undefined);
}

function addVariables(
  draft: Draft,
  { list, name, value }: PlacedContainer,
  variables: ReadonlyMap<string, string>,
): void {
  const first = itemsOf(value['env']).length;
  for (const [index, variable] of toEnv(variables).entries()) {
    draft.addItem(['spec', list, name, 'env'], first + index, variable);
  }
}

function findSecret(template: ValueMap): string | undefined {
  for (const list of ['initContainers', 'containers']) {
    const pointer = ['spec', list, proxyName, 'env', appService.proxyVariable, 'value'];
    const value = getAt(template, pointer);
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

/** 256 bits, in a form that is safe in every header and every YAML. */
function createSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
}
