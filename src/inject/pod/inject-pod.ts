import { proxyPort as defaultProxyPort } from '../../shared/redirect-contract.ts';
import { webhook } from '../contract.ts';
import { ManifestError } from '../manifest/manifest-error.ts';
import type { ValueMap } from '../manifest/value.ts';
import type { InjectSettings, OwnCredentials } from '../settings.ts';
import { pointToProxy } from './app-service.ts';
import { checkPod } from './check-pod.ts';
import { toEnv, toInitContainer, toProxyContainer, toTokenMount } from './containers.ts';
import { type ServiceAccount, toCredentialVariables, toTokenVolume } from './credentials.ts';
import { createDraft, type Draft } from './draft.ts';
import { findForeign, removeForeign } from './foreign.ts';
import { toNotes } from './notes.ts';
import { getAt } from './pointer.ts';
import { isInjected, undoInjection } from './record.ts';
import { assertPod, containersOf, itemsOf, type PlacedContainer, specOf } from './shape.ts';

/** A pod, or the template of one, as it is to be, and what is worth saying about that. */
export interface ChangedPod {
  readonly template: ValueMap;
  readonly notes: readonly string[];
}

const labels = ['metadata', 'labels'];
const annotations = ['metadata', 'annotations'];

/**
 * Adds the proxy and the redirect, or what takes its place, to a pod. What an earlier run or upstream's tools
 * have added is taken away first, so that the result is the same however often and over whatever it is done.
 * @param account of the pod, if it is part of the input.
 * @throws ManifestError if the pod cannot be injected.
 */
export function injectPod(
  template: ValueMap,
  settings: InjectSettings,
  account: ServiceAccount | undefined,
): ChangedPod {
  assertPod(template);
  const original = isInjected(template) ? undoInjection(template) : template;
  const foreign = findForeign(original);
  const base = removeForeign(original, foreign);
  assertPod(base);
  const proxyPort = settings.proxyPort ?? annotatedPort(base) ?? defaultProxyPort;
  checkPod(base, settings, proxyPort);

  const draft = createDraft(base);
  const notes = [
    ...noteForeign(foreign),
    ...noteLabel(base, settings),
    ...removeTrigger(base, draft),
  ];
  const variables = new Map(addCredentials(base, draft, settings, account));
  if (settings.initImage === undefined) {
    const pointed = pointToProxy(template, base, draft, settings, proxyPort);
    for (const [name, value] of pointed.proxyVariables) variables.set(name, value);
    notes.push(...pointed.notes);
  }
  addContainers(base, draft, settings, proxyPort, variables);
  return { template: draft.seal(), notes: [...notes, ...toNotes(base, settings, account)] };
}

/** Takes our parts out of a pod; undefined if it has none. */
export function uninjectPod(template: ValueMap): ChangedPod | undefined {
  return isInjected(template) ? { template: undoInjection(template), notes: [] } : undefined;
}

/** The webhook looks at the mere presence of the annotation, and would add its own pair to ours. */
function removeTrigger(base: ValueMap, draft: Draft): readonly string[] {
  if (getAt(base, [...annotations, webhook.injectAnnotation]) === undefined) return [];
  draft.removeEntry(annotations, webhook.injectAnnotation);
  return [`annotation ${webhook.injectAnnotation} removed: the webhook would inject as well`];
}

/** Somebody may have kept the webhook away on purpose. */
function noteLabel(base: ValueMap, { credentials }: InjectSettings): readonly string[] {
  const value = getAt(base, [...labels, webhook.useLabel]);
  if (credentials.kind !== 'webhook' || value === undefined || value === 'true') return [];
  return [
    `label ${webhook.useLabel} was ${JSON.stringify(value)} and has to be "true" for the webhook`,
  ];
}

function noteForeign(foreign: readonly PlacedContainer[]): readonly string[] {
  if (foreign.length === 0) return [];
  const which = foreign.map(({ name, value }) => `${name} (${value['image'] ?? 'no image'})`);
  return [`replaced what was there already: ${which.join(', ')}`];
}

function addContainers(
  base: ValueMap,
  draft: Draft,
  settings: InjectSettings,
  proxyPort: number,
  variables: ReadonlyMap<string, string>,
): void {
  const proxy = toProxyContainer(settings, proxyPort, variables);
  const { initImage } = settings;
  if (initImage !== undefined) {
    // First of all, so that no other container ever meets the node's identity.
    const init = toInitContainer(settings, initImage, proxyPort);
    draft.addItem(['spec', 'initContainers'], 0, init);
  }
  if (settings.sidecar === 'native') {
    draft.addItem(['spec', 'initContainers'], initImage === undefined ? 0 : 1, proxy);
    return;
  }
  draft.addItem(['spec', 'containers'], 0, proxy);
  // kubectl takes the first container for the one that is meant, unless told.
  const defaultContainer = 'kubectl.kubernetes.io/default-container';
  const [first] = containersOf(base).filter(({ list }) => list === 'containers');
  if (first !== undefined && getAt(base, [...annotations, defaultContainer]) === undefined) {
    draft.setEntry(annotations, defaultContainer, first.name);
  }
}

/** Lets the proxy have its token, and returns the variables that it needs for that. */
function addCredentials(
  base: ValueMap,
  draft: Draft,
  { credentials }: InjectSettings,
  account: ServiceAccount | undefined,
): ReadonlyMap<string, string> {
  if (credentials.kind === 'webhook') {
    draft.setEntry(labels, webhook.useLabel, 'true');
    if (credentials.identityBinding) {
      draft.setEntry(annotations, webhook.identityBindingAnnotation, 'true');
    }
    return new Map();
  }
  const variables = toCredentialVariables(credentials, account);
  for (const container of selectContainers(base, credentials)) {
    shareToken(draft, container, variables);
  }
  const volumes = itemsOf(specOf(base)['volumes']);
  draft.addItem(['spec', 'volumes'], volumes.length, toTokenVolume(credentials));
  return variables;
}

function selectContainers(
  base: ValueMap,
  { tokenContainers }: OwnCredentials,
): readonly PlacedContainer[] {
  const containers = containersOf(base);
  if (tokenContainers === 'all') return containers;
  if (tokenContainers === 'none') return [];
  for (const wanted of tokenContainers) {
    if (containers.some(({ name }) => name === wanted)) continue;
    const names = containers.map(({ name }) => name).join(', ');
    const message = `there is no container ${wanted}, which --token-containers names; it has ${names}`;
    throw new ManifestError(message, { path: ['spec', 'containers'] });
  }
  return containers.filter(({ name }) => tokenContainers.includes(name));
}

/** Gives a container of the application what the webhook would: variables that it lacks, and the file. */
function shareToken(
  draft: Draft,
  { list, name, value }: PlacedContainer,
  variables: ReadonlyMap<string, string>,
): void {
  const pointer = ['spec', list, name];
  let place = itemsOf(value['env']).length;
  for (const variable of toEnv(variables)) {
    if (getAt(value, ['env', variable.name]) !== undefined) continue;
    draft.addItem([...pointer, 'env'], place, variable);
    place += 1;
  }
  const mounts = itemsOf(value['volumeMounts']);
  draft.addItem([...pointer, 'volumeMounts'], mounts.length, toTokenMount());
}

function annotatedPort(base: ValueMap): number | undefined {
  const path = [...annotations, webhook.portAnnotation];
  const text = getAt(base, path);
  if (text === undefined) return undefined;
  const port = /^[1-9][0-9]{0,4}$/.test(String(text)) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  const message = `the annotation ${webhook.portAnnotation} is no port from 1 to 65535; correct it, or set --proxy-port`;
  throw new ManifestError(message, { path });
}
