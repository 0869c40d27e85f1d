import { type Cause, causeOrder, rowOf } from './causes.ts';
import { cleanLines } from './clean-text.ts';
import type { Verdict } from './examine.ts';
import type { Pod, Subject } from './pod.ts';

/** The pods of one object for which the same is true. */
export interface Concerned {
  readonly subject: Subject;
  /** 0 for a template, and for pods that were never made. */
  pods: number;
  /** Name of the first one. */
  readonly example: string | undefined;
}

/** One detail of a cause, and whom it concerns. */
export interface Line {
  readonly detail: string;
  readonly fix: string;
  readonly concerned: Map<string, Concerned>;
}

/** Everything with one cause. */
export interface Group {
  readonly cause: Cause;
  /** Undefined if it stands for itself. */
  readonly because: Cause | undefined;
  readonly lines: readonly Line[];
  readonly podCount: number;
}

/** Collects verdicts pod by pod, so that only what differs is kept. */
export interface Groups {
  add(verdict: Verdict, subject: Subject, podName: string | undefined): void;
  /** The worst first: failures, then what concerns most pods, then the more basic cause. */
  finish(): readonly Group[];
}

/** More different details of one cause are counted and not kept. A cluster has a few dozen. */
const MAX_LINES = 500;

export function createGroups(): Groups {
  const groups = new Map<
    string,
    { cause: Cause; because: Cause | undefined; lines: Map<string, Line>; pods: number }
  >();
  return {
    add({ cause, because, ...texts }, subject, podName) {
      const detail = cleanLines(texts.detail).replaceAll('\n', ' ');
      const fix = cleanLines(texts.fix);
      const groupKey = `${cause} ${because ?? ''}`;
      const group = groups.get(groupKey) ?? {
        cause,
        because,
        lines: new Map<string, Line>(),
        pods: 0,
      };
      groups.set(groupKey, group);
      if (podName !== undefined) group.pods += 1;
      const line = group.lines.get(detail) ?? { detail, fix, concerned: new Map() };
      if (!group.lines.has(detail)) {
        if (group.lines.size >= MAX_LINES) return;
        group.lines.set(detail, line);
      }
      const key = `${subject.kind} ${subject.namespace}/${subject.name}`;
      const concerned = line.concerned.get(key) ?? { subject, pods: 0, example: podName };
      if (podName !== undefined) concerned.pods += 1;
      if (line.concerned.size < MAX_LINES) line.concerned.set(key, concerned);
    },
    finish() {
      return [...groups.values()]
        .map(({ cause, because, lines, pods }) => ({
          cause,
          because,
          lines: [...lines.values()].sort((a, b) => countPods(b) - countPods(a)),
          podCount: pods,
        }))
        .sort(
          (a, b) =>
            rank(a) - rank(b) ||
            b.podCount - a.podCount ||
            causeOrder.indexOf(a.cause) - causeOrder.indexOf(b.cause),
        );
    },
  };
}

/** What stands for itself comes before what follows from something, failures before warnings. */
function rank({ cause, because }: Pick<Group, 'cause' | 'because'>): number {
  if (because !== undefined) return 2;
  return rowOf(cause).status === 'fail' ? 0 : 1;
}

function countPods({ concerned }: Line): number {
  return [...concerned.values()].reduce((sum, { pods }) => sum + pods, 0);
}

/** `200 pods of Deployment shop/web`. */
export function describeConcerned({ subject, pods, example }: Concerned): string {
  const name = `${subject.kind} ${subject.namespace}/${subject.name}`;
  if (pods === 0) return name;
  if (subject.kind === 'Pod') return name;
  return `${pods === 1 ? '1 pod' : `${pods} pods`} of ${name} (${pods === 1 ? '' : 'such as '}${example})`;
}

/** What the pod belongs to, for whoever counts. */
export function toPodKey({ subject: { kind, namespace, name } }: Pod): string {
  return `${kind} ${namespace}/${name}`;
}
