import { type Area, causeOrder, rowOf } from './causes.ts';
import { describeConcerned, type Group, type Line } from './groups.ts';
import type { Survey } from './survey.ts';

/** One result, as every place of the doctor has them. */
export interface FileCheck {
  readonly id: string;
  readonly status: 'ok' | 'warn' | 'fail' | 'skip';
  readonly summary: string;
  readonly evidence: readonly string[];
  readonly fix: string | undefined;
  readonly docs: string | undefined;
}

/** More of them would scroll the first failure away. */
const MAX_EVIDENCE = 20;
const MAX_NAMED = 3;
const MAX_FIXES = 3;

/** Causes first, the worst at the top. Then the areas without a fault, then the gaps of the input. */
export function toChecks(survey: Survey): readonly FileCheck[] {
  const { groups } = survey;
  const ofGroups = groups.map(toGroupCheck);
  const input = toInputCheck(survey, groups.length > 0);
  const rest = [...(survey.counts.concerned === 0 ? [] : toAreaChecks(survey)), ...toGaps(survey)];
  return input.status === 'ok' ? [...ofGroups, input, ...rest] : [input, ...ofGroups, ...rest];
}

function toGroupCheck({ cause, because, lines, podCount }: Group): FileCheck {
  const { status, title, docs } = rowOf(cause);
  const [first] = lines;
  const fixes = [...new Set(lines.map(({ fix }) => fix))];
  const evidence = lines.slice(0, MAX_EVIDENCE).map(describeLine);
  if (lines.length > MAX_EVIDENCE) evidence.push(`… and ${lines.length - MAX_EVIDENCE} more`);
  const objects = new Set(lines.flatMap(({ concerned }) => [...concerned.keys()])).size;
  const pods = podCount === 0 ? '' : `${podCount} ${podCount === 1 ? 'pod' : 'pods'} of `;
  const isSingle = lines.length === 1 && first !== undefined;
  return {
    id: cause,
    status: because === undefined ? status : 'skip',
    summary: `${isSingle ? describeLine(first) : `${title}: ${pods}${objects} ${objects === 1 ? 'object' : 'objects'}`}${because === undefined ? '' : ` (because of ${because})`}`,
    evidence: isSingle ? [] : evidence,
    fix:
      because === undefined
        ? fixes.slice(0, MAX_FIXES).join('\n') +
          (fixes.length > MAX_FIXES ? `\n… and ${fixes.length - MAX_FIXES} like it` : '')
        : undefined,
    docs,
  };
}

function describeLine({ detail, concerned }: Line): string {
  const all = [...concerned.values()].sort((a, b) => b.pods - a.pods);
  const named = all.slice(0, MAX_NAMED).map(describeConcerned);
  const more = all.length > MAX_NAMED ? [`${all.length - MAX_NAMED} more`] : [];
  return `${[...named, ...more].join(', ')}: ${detail}`;
}

function toInputCheck(survey: Survey, hasGroups: boolean): FileCheck {
  const { known, counts, unreadable } = survey;
  const base = { id: 'input', evidence: unreadable, docs: 'docs/doctor.md#from-files' };
  const read = `${counts.objects} objects: ${counts.pods} pods, ${counts.templates} pod templates, ${known.accountCount} ServiceAccounts, ${known.eventCount} events that matter`;
  const command =
    'kubectl get pod,sa,ns,events --namespace <NAMESPACE> --output yaml | proxy doctor -';
  if (counts.pods + counts.templates === 0 && !hasGroups) {
    return {
      ...base,
      status: 'fail',
      summary: `There is no pod in the input (${read})`,
      fix: command,
    };
  }
  if (counts.concerned === 0 && !hasGroups) {
    return {
      ...base,
      status: 'fail',
      summary: `No pod of the input has the proxy or asks for it (${read})`,
      fix: 'Add the label azure.workload.identity/use: "true" and the annotation azure.workload.identity/inject-proxy-sidecar: "true" to the pod template, or pass it through proxy inject.',
    };
  }
  if (unreadable.length > 0) {
    return {
      ...base,
      status: 'fail',
      summary: `A part of the input cannot be read (${read})`,
      fix: 'Correct it, or leave it out.',
    };
  }
  return {
    ...base,
    status: 'ok',
    summary: `${read}; ${counts.concerned} have the proxy or ask for it`,
    fix: undefined,
  };
}

const healthy: Readonly<Record<Area, string>> = {
  injection: 'every pod that asks for the proxy has it, or will get it',
  identity: 'client IDs and tenants are well formed',
  redirect: 'one redirect and one proxy, in the right order, with the right ports and users',
  token: 'the federated token is mounted, renewed, readable and for the right audience',
  status: 'no container of the proxy fails, waits or was killed',
  versions: 'one version of the proxy',
};

function toAreaChecks({ groups, counts }: Survey): readonly FileCheck[] {
  const wrong = new Set(groups.map(({ cause }) => rowOf(cause).area));
  const areas = [...new Set(causeOrder.map((cause) => rowOf(cause).area))];
  return areas
    .filter((area) => !wrong.has(area))
    .map((area) => ({
      id: area,
      status: area === 'status' && counts.pods === 0 ? 'skip' : 'ok',
      summary:
        area === 'status' && counts.pods === 0
          ? 'the input has templates and no pods, of which the kubelet could report'
          : healthy[area],
      evidence:
        area === 'token' && counts.withoutAutomount > 0
          ? [
              `${counts.withoutAutomount} set automountServiceAccountToken: false, which does not matter: the federated token has its own volume`,
            ]
          : [],
      fix: undefined,
      docs: undefined,
    }));
}

/** Kinds that would have told more. */
function toGaps({ known, counts }: Survey): readonly FileCheck[] {
  if (counts.pods === 0) return [];
  const gaps = [
    ...(known.accountCount === 0 ? [['service-accounts', 'sa'] as const] : []),
    ...(known.eventCount === 0 ? [['events', 'events'] as const] : []),
  ];
  return gaps.map(([id, resource]) => ({
    id,
    status: 'skip',
    summary: `the input has none that matter; add ${resource} to kubectl get if you left them out`,
    evidence: [],
    fix: undefined,
    docs: undefined,
  }));
}
