import { bindingLabel } from '../../inject/contract.ts';
import { type CheckResult, type Evidence, fail, ok, skip, warn } from '../engine/check.ts';
import { type Area, type Cause, causeOrder, rowOf } from './causes.ts';
import { describeConcerned, type Group, type Line } from './groups.ts';
import type { Survey } from './survey.ts';

/** More of them would scroll the first failure away. */
const MAX_EVIDENCE = 20;
const MAX_NAMED = 3;
const MAX_FIXES = 3;

/** Causes first, the worst at the top. Then the areas without a fault, then the gaps of the input. */
export function toResults(survey: Survey): readonly CheckResult[] {
  const { groups } = survey;
  const roots = new Set(groups.flatMap(({ cause, because }) => (because ? [] : [cause])));
  const causes = groups.flatMap((group) => {
    if (group.because === undefined) return [toCause(group)];
    // Elsewhere it stands for itself, and there is its line.
    return roots.has(group.cause) ? [] : [toConsequence(group, group.because)];
  });
  const input = toInput(survey);
  const rest = [...(survey.counts.concerned === 0 ? [] : toAreas(survey)), ...toGaps(survey)];
  return input.status === 'fail' ? [input, ...causes, ...rest] : [...causes, input, ...rest];
}

function toCause({ cause, lines, podCount }: Group): CheckResult {
  const { status, title, docs } = rowOf(cause);
  const [first] = lines;
  const objects = new Set(lines.flatMap(({ concerned }) => [...concerned.keys()])).size;
  const pods = podCount === 0 ? '' : `${toCount(podCount, 'pod')} of `;
  const isSingle = lines.length === 1 && first !== undefined;
  const judge = status === 'fail' ? fail : warn;
  const finding = judge(
    isSingle ? describeLine(first) : `${title}: ${pods}${toCount(objects, 'object')}`,
    { fix: toFix(lines), docs, ...(!isSingle && { evidence: toEvidence(lines) }) },
  );
  return { id: cause, ...finding };
}

function toFix(lines: readonly Line[]): string {
  const fixes = [...new Set(lines.map(({ fix }) => fix))];
  const more =
    fixes.length > MAX_FIXES ? [`… and ${fixes.length - MAX_FIXES} more like these`] : [];
  return [...fixes.slice(0, MAX_FIXES), ...more].join('\n');
}

/** The objects by their names. */
function toEvidence(lines: readonly Line[]): Evidence {
  const named = lines
    .slice(0, MAX_EVIDENCE)
    .map((line) => [nameConcerned(line), line.detail] as const);
  const rest = lines.length - MAX_EVIDENCE;
  return toNumbered(rest > 0 ? [...named, ['and', `${rest} more`]] : named);
}

/** A name that comes again gets a number. */
function toNumbered(entries: readonly (readonly [name: string, text: string])[]): Evidence {
  const counts = new Map<string, number>();
  return Object.fromEntries(
    entries.map(([name, text]) => {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return [count === 1 ? name : `${name} (${count})`, text];
    }),
  );
}

function toConsequence({ cause, lines }: Group, because: Cause): CheckResult {
  const [first] = lines;
  const who = first === undefined ? '' : ` (${nameConcerned(first)})`;
  return { id: cause, ...skip(`${because} explains it${who}`) };
}

function describeLine(line: Line): string {
  return `${nameConcerned(line)}: ${line.detail}`;
}

function nameConcerned({ concerned }: Line): string {
  const all = [...concerned.values()].sort((a, b) => b.pods - a.pods);
  const named = all.slice(0, MAX_NAMED).map(describeConcerned);
  const more = all.length > MAX_NAMED ? [`${all.length - MAX_NAMED} more`] : [];
  return [...named, ...more].join(', ');
}

function toInput({ known, counts, unreadable, groups }: Survey): CheckResult {
  const read = [
    `${toCount(counts.objects, 'object')}: ${toCount(counts.pods, 'pod')}`,
    toCount(counts.templates, 'pod template'),
    toCount(known.accountCount, 'ServiceAccount'),
    `${toCount(known.eventCount, 'event')} that may matter`,
  ].join(', ');
  const details = {
    docs: 'docs/doctor.md#from-files',
    evidence: toNumbered(unreadable.map(({ place, why }) => [place, why])),
  };
  const { ofPodIdentity } = counts;
  const migrating = `${toCount(ofPodIdentity, 'pod or template', 'pods and templates')} with the label ${bindingLabel} of AAD Pod Identity`;
  const isEmpty = groups.length === 0;
  const finding = (): ReturnType<typeof ok> => {
    if (unreadable.length > 0) {
      // Templates and patches lie in folders as well.
      const judge = unreadable.every(({ isFromFolder }) => isFromFolder) ? warn : fail;
      return judge(`a part of the input cannot be read (${read})`, {
        ...details,
        fix: 'Correct it, or leave it out.',
      });
    }
    if (counts.pods + counts.templates === 0 && isEmpty) {
      return fail(`there is no pod in the input (${read})`, {
        ...details,
        fix: 'kubectl get pod,sa,ns,events --namespace <NAMESPACE> --output yaml | proxy doctor -',
      });
    }
    if (counts.concerned === 0 && isEmpty && ofPodIdentity > 0) {
      return fail(
        `no pod of the input has the proxy or asks for it, but the input has ${migrating} (${read})`,
        {
          docs: 'docs/migration.md',
          fix: 'Plan the move with the same input: proxy migrate <FILE>',
        },
      );
    }
    if (counts.concerned === 0 && isEmpty) {
      return fail(`no pod of the input has the proxy or asks for it (${read})`, {
        ...details,
        fix: 'Add the label azure.workload.identity/use: "true" and the annotation azure.workload.identity/inject-proxy-sidecar: "true" to the pod template, or pass it through proxy inject.',
      });
    }
    return ok(`${read}; ${counts.concerned} have the proxy or ask for it`, {
      ...(ofPodIdentity > 0 && {
        evidence: { 'not migrated': `${migrating}; proxy migrate plans the move` },
      }),
    });
  };
  return { id: 'input', ...finding() };
}

function toCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

const healthy: Readonly<Record<Area, string>> = {
  injection: 'every pod that asks for the proxy has it, or will get it',
  identity: 'client IDs and tenants are well formed',
  redirect: 'one redirect and one proxy, in the right order, with the right ports and users',
  token: 'the federated token is mounted, renewed, readable and for the right audience',
  status: 'no container of the proxy fails, waits or was killed',
  versions: 'one version of the proxy',
};

function toAreas({ groups, counts }: Survey): readonly CheckResult[] {
  const wrong = new Set(groups.map(({ cause }) => rowOf(cause).area));
  const areas = [...new Set(causeOrder.map((cause) => rowOf(cause).area))];
  return areas
    .filter((area) => !wrong.has(area))
    .map((area) => ({
      id: area,
      ...(area === 'status' && counts.pods === 0
        ? skip('the input has templates and no pods, of which the kubelet could report')
        : ok(healthy[area], {
            ...(area === 'token' &&
              counts.withoutAutomount > 0 && {
                evidence: {
                  'automountServiceAccountToken: false': `${counts.withoutAutomount} pods; harmless, because the federated token has its own volume`,
                },
              }),
          })),
    }));
}

/** Kinds that would have told more. */
function toGaps({ known, counts }: Survey): readonly CheckResult[] {
  if (counts.pods === 0) return [];
  const because = (resource: string): string =>
    `the input has none that may matter; if you left them out, add ${resource} to kubectl get`;
  return [
    ...(known.accountCount === 0 ? [{ id: 'service-accounts', ...skip(because('sa')) }] : []),
    ...(known.eventCount === 0 ? [{ id: 'events', ...skip(because('events')) }] : []),
  ];
}
