import { proxyPort as defaultProxyPort } from '../../shared/redirect-contract.ts';
import { initName, proxyAnnotations, proxyName, webhook } from '../contract.ts';
import { ManifestError } from '../manifest/manifest-error.ts';
import type { ValueMap } from '../manifest/value.ts';
import type { InjectSettings, OwnCredentials } from '../settings.ts';
import { pointToProxy } from './app-service.ts';
import { checkPod } from './check-pod.ts';
import {
  type Env,
  type EnvValue,
  type PodFacts,
  toEnv,
  toInitContainer,
  toProxyContainer,
  toProxyVolumes,
  toTokenMount,
} from './containers.ts';
import type { PodContext } from './context.ts';
import { type ServiceAccount, toCredentialVariables, toTokenVolume } from './credentials.ts';
import { createDraft, type Draft } from './draft.ts';
import { findForeign, removeForeign } from './foreign.ts';
import { type Fingerprints, findOurs, fingerprint, keepHandEdits } from './hand-edits.ts';
import { toNotes } from './notes.ts';
import { getAt } from './pointer.ts';
import { findFingerprints, isInjected, undoInjection } from './record.ts';
import { assertPod, containersOf, itemsOf, type PlacedContainer, specOf } from './shape.ts';

/** A pod, or the template of one, as it should be, and notes about it. */
export interface ChangedPod {
  readonly template: ValueMap;
  readonly notes: readonly string[];
}

const labels = ['metadata', 'labels'];
const annotations = ['metadata', 'annotations'];

/**
 * Adds the proxy and the redirect, or its substitute, to a pod. Containers that an earlier run or upstream's
 * tools have added are removed first, so that the result is the same however often it is done. Changes that
 * people have made to our containers stay, or are named.
 * @throws ManifestError if the pod cannot be injected; UnsupportedPod if no setting could help.
 */
export function injectPod(
  template: ValueMap,
  settings: InjectSettings,
  context: PodContext,
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
    ...removeTriggers(base, draft),
  ];
  const variables = new Map<string, EnvValue>(
    addCredentials(base, draft, settings, context.account),
  );
  if (settings.initImage === undefined) {
    const { workload } = context;
    const pointed = pointToProxy(template, base, draft, settings, proxyPort, workload);
    for (const [name, value] of pointed.proxyVariables) variables.set(name, value);
    notes.push(...pointed.notes);
  }
  const grace = specOf(base)['terminationGracePeriodSeconds'];
  const facts = { proxyPort, graceSeconds: typeof grace === 'number' ? grace : undefined };
  const containers = addContainers(template, base, draft, settings, facts, variables);
  notes.push(...containers.notes);
  addVolumes(base, draft, settings);
  if (settings.dropNetRaw) notes.push(...dropNetRaw(base, draft));
  return {
    template: draft.seal(containers.wrote),
    notes: [...notes, ...toNotes(base, settings, context)],
  };
}

/** Takes our parts out of a pod; undefined if it has none. */
export function uninjectPod(template: ValueMap): ChangedPod | undefined {
  return isInjected(template) ? { template: undoInjection(template), notes: [] } : undefined;
}

/**
 * The webhook and our own policies inject where these annotations stand, and would add a second pair. Upstream's
 * webhook looks only at whether its own is there, not at its value.
 */
function removeTriggers(base: ValueMap, draft: Draft): readonly string[] {
  const present = proxyAnnotations.filter(
    (key) => getAt(base, [...annotations, key]) !== undefined,
  );
  for (const key of present) draft.removeEntry(annotations, key);
  return present.map((key) => `annotation ${key} removed: the webhook would inject as well`);
}

/** Somebody may have kept the webhook away on purpose. */
function noteLabel(base: ValueMap, { credentials }: InjectSettings): readonly string[] {
  const value = getAt(base, [...labels, webhook.useLabel]);
  if (credentials.kind !== 'webhook' || value === undefined || value === 'true') return [];
  return [
    `label ${webhook.useLabel} was ${JSON.stringify(value)} and must be "true" for the webhook`,
  ];
}

function noteForeign(foreign: readonly PlacedContainer[]): readonly string[] {
  if (foreign.length === 0) return [];
  const which = foreign.map(({ name, value }) => `${name} (${value['image'] ?? 'no image'})`);
  return [`replaced upstream's containers: ${which.join(', ')}`];
}

function addContainers(
  template: ValueMap,
  base: ValueMap,
  draft: Draft,
  settings: InjectSettings,
  facts: PodFacts,
  variables: Env,
): { readonly wrote: Fingerprints; readonly notes: readonly string[] } {
  const present = isInjected(template) ? findOurs(template) : new Map<string, ValueMap>();
  const before = findFingerprints(template);
  const { initImage } = settings;
  const proxy = toProxyContainer(settings, facts, variables);
  const init = initImage === undefined ? undefined : toInitContainer(settings, initImage, facts);
  const merged = keepHandEdits(proxy, present.get(proxyName), before);
  const notes = [...merged.notes];
  if (init !== undefined) {
    // First of all, so that no other container ever meets the node's identity.
    const mergedInit = keepHandEdits(init, present.get(initName), before);
    draft.addItem(['spec', 'initContainers'], 0, mergedInit.container);
    notes.push(...mergedInit.notes);
  }
  const wrote = fingerprint(init === undefined ? [proxy] : [proxy, init]);
  if (settings.sidecar === 'native') {
    draft.addItem(['spec', 'initContainers'], init === undefined ? 0 : 1, merged.container);
  } else {
    draft.addItem(['spec', 'containers'], 0, merged.container);
    nameDefaultContainer(base, draft);
  }
  return { wrote, notes };
}

function addVolumes(base: ValueMap, draft: Draft, settings: InjectSettings): void {
  const volumes = itemsOf(specOf(base)['volumes']);
  const ours = [
    ...(settings.credentials.kind === 'own' ? [toTokenVolume(settings.credentials)] : []),
    ...toProxyVolumes(settings),
  ];
  for (const [index, volume] of ours.entries()) {
    draft.addItem(['spec', 'volumes'], volumes.length + index, volume);
  }
  const list = ['spec', 'imagePullSecrets'];
  let place = itemsOf(specOf(base)['imagePullSecrets']).length;
  for (const name of settings.pullSecrets) {
    if (getAt(base, [...list, name]) !== undefined) continue;
    draft.addItem(list, place, { name });
    place += 1;
  }
}

/** NET_RAW, which container runtimes give by default, sends packets past the redirect. */
function dropNetRaw(base: ValueMap, draft: Draft): readonly string[] {
  const notes: string[] = [];
  for (const { list, name, value } of containersOf(base)) {
    const capabilities = ['securityContext', 'capabilities'];
    const dropped = itemsOf(getAt(value, [...capabilities, 'drop'])).map(String);
    if (getAt(value, ['securityContext', 'privileged']) === true) {
      notes.push(
        `container ${name} is privileged: it keeps NET_RAW, and can send packets past the redirect`,
      );
    } else if (
      itemsOf(getAt(value, [...capabilities, 'add']))
        .map(String)
        .some(isRaw)
    ) {
      notes.push(`container ${name} adds NET_RAW itself, and can send packets past the redirect`);
    } else if (!dropped.some((one) => isRaw(one) || one.toUpperCase() === 'ALL')) {
      const pointer = ['spec', list, name, ...capabilities, 'drop'];
      draft.addItem(pointer, dropped.length, 'NET_RAW');
    }
  }
  return notes;
}

function isRaw(capability: string): boolean {
  return /^(?:CAP_)?NET_RAW$/i.test(capability);
}

/** kubectl takes the first container for the one that is meant, unless told. */
function nameDefaultContainer(base: ValueMap, draft: Draft): void {
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

/** Gives a container of the application the variables and the file that the webhook would add. */
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
  const message = `the annotation ${webhook.portAnnotation} is not a port from 1 to 65535; correct it, or set --proxy-port`;
  throw new ManifestError(message, { path });
}
