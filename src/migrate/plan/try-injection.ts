import { ManifestError, UnsupportedPod } from '../../inject/manifest/manifest-error.ts';
import { readValue } from '../../inject/manifest/read-value.ts';
import { isMap, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import type { ObjectIndex } from '../../inject/object-index.ts';
import { whyIncomplete } from '../../inject/pod/check-whole.ts';
import { injectPod } from '../../inject/pod/inject-pod.ts';
import { toFinding } from '../finding.ts';
import type { FindingCode } from '../finding-codes.ts';
import type { Finding, WorkloadIdentity } from '../plan.ts';
import type { PodTemplate, Workload } from '../read/cluster.ts';
import type { Group } from './group.ts';
import { findNodeDoubts } from './node-doubts.ts';
import type { PlanSettings } from './settings.ts';

export interface Trial {
  /** Why it cannot be done, or needs a check by a person. */
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/**
 * Injects the pods in memory, as `inject` would, and reports the result. Pods that are known only from
 * what runs of them are tried as well, so that everything that speaks against them is known.
 */
export function tryInjection(
  group: Group,
  identities: readonly WorkloadIdentity[],
  settings: PlanSettings,
  index: ObjectIndex,
): Trial {
  const findings: Finding[] = [];
  const notes = new Set<string>();
  for (const template of findTemplates(group)) {
    findings.push(...findNodeDoubts(template, group.kind));
    try {
      const incomplete = whyIncomplete(template);
      if (incomplete !== undefined) throw new ManifestError(incomplete, { path: [] });
      const main = identities.find((one) => one.default);
      const { namespace, kind, name, top } = group;
      const changed = injectPod(template, settings.inject, {
        account: { clientId: main?.clientId, tenantId: main?.tenantId ?? settings.tenantId },
        // Judged below, with its own code.
        podSecurity: undefined,
        workload: { kind, name, namespace, template: undefined },
        isHook: top?.isHook ?? false,
      });
      for (const note of changed.notes) if (!isSuperseded(note)) notes.add(note);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      findings.push(toRefusal(error));
    }
  }
  findings.push(...findPodSecurity(group, settings, index));
  return { findings: distinct(findings), notes: [...notes] };
}

/** Of the object itself, as far as they matter; of one of its pods if the object is not in the input. */
function findTemplates({ top, members }: Group): readonly ValueMap[] {
  const own = top?.templates.filter(({ value }) => value !== undefined) ?? [];
  const member = members.find(({ templates }) => templates.some(isConcerned));
  const [workload, templates] =
    own.length > 0 ? [top, own] : [member, member?.templates.filter(isConcerned) ?? []];
  if (workload === undefined) return [];
  return templates.map((one) => readTemplate(workload, one)).filter((one) => one !== undefined);
}

function isConcerned({ binding, proxy }: PodTemplate): boolean {
  return binding !== undefined || proxy !== 'none';
}

/** The template as it is in the input; of objects that others own it is read again. */
function readTemplate({ origin }: Workload, { value, path }: PodTemplate): ValueMap | undefined {
  const found = value ?? valueAt(readValue(origin.chunk.text), path);
  return isMap(found) ? found : undefined;
}

/** Said by the plan in its own words. */
function isSuperseded(note: string): boolean {
  return (
    note.startsWith('it has no serviceAccountName') || note.startsWith('no client ID is known')
  );
}

function toRefusal(error: ManifestError): Finding {
  const [message = '', ...fixes] = error.message.split('; ');
  const fix = fixes.join('; ') || 'change the manifest';
  if (!(error instanceof UnsupportedPod)) return toFinding(toCode(error), message, fix);
  const ways = fix.includes(otherWay) ? fix : `${fix}; or ${otherWay}`;
  const isServed = error.reason !== 'host-network';
  return toFinding(error.reason, message, isServed ? ways : `${ways}; ${notServed}`);
}

/** NMI redirects traffic that comes from pods, not that of the node itself. */
const notServed =
  'AAD Pod Identity does not serve such pods either: if they work, the label does nothing, and can go';

/** For pods in which no proxy can work. */
const otherWay = 'let its application ask for tokens itself (workload identity in its SDK)';

function toCode(error: ManifestError): FindingCode {
  const { place } = error;
  return 'path' in place && place.path.at(-1) === 'runAsUser'
    ? 'proxy-user-taken'
    : 'not-injectable';
}

function findPodSecurity(
  { namespace }: Group,
  { inject }: PlanSettings,
  index: ObjectIndex,
): readonly Finding[] {
  const level = index.findPodSecurity(namespace);
  if (level === undefined || level === 'privileged' || inject.initImage === undefined) return [];
  return [
    toFinding(
      'pod-security',
      `namespace ${namespace} enforces Pod Security ${level}, which refuses NET_ADMIN`,
      'pass --no-redirect, which leads SDKs to the proxy without it (App Service protocol), or set the level to privileged',
    ),
  ];
}

function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((one) => [`${one.code} ${one.message}`, one])).values()];
}
