import { type Cause, type Finding, rowOf } from './causes.ts';
import type { Known } from './known.ts';
import type { Pod } from './pod.ts';
import { checkPodSecurity } from './rules/admission.ts';
import { checkIdentity, checkTenant } from './rules/identity.ts';
import { checkInjection, checkPlatform, checkUnasked } from './rules/injection.ts';
import { checkMemory, checkTakenPorts, checkUsers } from './rules/process.ts';
import { checkContainers, checkPorts } from './rules/redirect.ts';
import { checkStatus } from './rules/status.ts';
import { checkAuthorities, checkToken } from './rules/token.ts';
import { checkImages } from './rules/versions.ts';

type Rule = (pod: Pod, known: Known) => Iterable<Finding>;

/** For pods that have the proxy or ask for it. */
const rules: readonly Rule[] = [
  checkPlatform,
  checkPodSecurity,
  checkInjection,
  checkIdentity,
  checkTenant,
  checkContainers,
  checkPorts,
  checkTakenPorts,
  checkUsers,
  checkToken,
  checkAuthorities,
  checkMemory,
  checkStatus,
  checkImages,
];

/** A finding, and the finding of the same pod that explains it, if there is one. */
export interface Verdict extends Finding {
  readonly because: Cause | undefined;
}

/** Everything that is wrong with a pod. A cause that only follows from another one says so. */
export function examinePod(pod: Pod, known: Known): readonly Verdict[] {
  if (!pod.isConcerned) return [...checkUnasked(pod, known)].map(toRoot);
  const findings = rules.flatMap((rule) => [...rule(pod, known)]);
  const found = new Set<string>(findings.map(({ cause }) => cause));
  return findings.map((finding) => ({
    ...finding,
    because: (rowOf(finding.cause).follows ?? []).find((one) => found.has(one)) as
      | Cause
      | undefined,
  }));
}

export function toRoot(finding: Finding): Verdict {
  return { ...finding, because: undefined };
}
