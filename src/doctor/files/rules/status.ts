import { failures } from '../../../init/failures.ts';
import { findAadstsRule } from '../../../proxy/entra/explain/aadsts.ts';
import type { Finding } from '../causes.ts';
import { toLogs, toWord } from '../commands.ts';
import type { Container, Ending } from '../container.ts';
import type { Known } from '../known.ts';
import type { Pod } from '../pod.ts';

/** What the kubelet reports: images, starts, ends, and the last words of containers. */
export function* checkStatus(pod: Pod, known: Known): Generator<Finding> {
  if (pod.name === undefined) return;
  for (const container of [pod.init, pod.proxy]) {
    if (container !== undefined) yield* checkWaiting(pod, container);
  }
  yield* checkInitEnd(pod);
  yield* checkProxyEnd(pod, known);
  yield* checkLastWords(pod);
  yield* checkReady(pod, known);
}

function* checkWaiting(pod: Pod, container: Container): Generator<Finding> {
  const waiting = container.status?.waiting;
  if (waiting === undefined) return;
  const { name, image } = container;
  const { namespace } = pod.subject;
  switch (waiting.reason) {
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'InvalidImageName':
    case 'ErrImageNeverPull':
    case 'RegistryUnavailable':
      yield {
        cause: 'image-pull',
        detail: `the image of ${name} cannot be pulled (${waiting.reason}): ${image.slice(0, 200)}`,
        fix: `kubectl describe pod ${toWord(pod.name ?? '', 'POD')} --namespace ${toWord(namespace, 'NAMESPACE')}\nCheck the reference, and that imagePullSecrets of the pod let it pull (proxy inject --image-pull-secret).`,
      };
      return;
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
    case 'RunContainerError':
    case 'PostStartHookError':
      yield {
        cause: 'container-refused',
        detail: `${name} does not start (${waiting.reason}): ${waiting.message}`,
        fix:
          toStartFix(name, waiting.message) ??
          `kubectl describe pod ${toWord(pod.name ?? '', 'POD')} --namespace ${toWord(namespace, 'NAMESPACE')}`,
      };
  }
}

/** What to change so that the kubelet can start a container; undefined if its message says all there is. */
function toStartFix(name: string, message: string): string | undefined {
  if (message.includes('runAsNonRoot')) {
    return `Set securityContext.runAsUser on ${name} itself; a runAsUser or runAsNonRoot of the pod applies to it as well.`;
  }
  if (message.includes('seccomp profile')) {
    return 'Install the profile below the seccomp folder of the kubelet on every node (docs/hardening.md#6-restrict-the-system-calls-of-the-proxy), or leave it out: proxy inject --seccomp-profile=RuntimeDefault.';
  }
  return undefined;
}

/** What to change for each exit code of proxy-init; its message says more. */
const initFixes: Readonly<Record<number, string>> = {
  2: 'Correct the settings that the message names (docs/redirect.md#settings).',
  3: 'Set on the init container securityContext: {runAsUser: 0, runAsNonRoot: false, capabilities: {drop: [ALL], add: [NET_ADMIN]}}, in a namespace whose Pod Security allows it.',
  4: 'Load the kernel modules on the node (modprobe nft_redir), or inject without the redirect: proxy inject --no-redirect.',
  5: "Use this project's image for proxy-init.",
  6: 'Find out what else writes rules in the pod: two proxy-inits, or a service mesh.',
  7: 'Set INIT_BACKEND=nft, or exclude 169.254.169.254 from the service mesh (docs/redirect.md#service-meshes-and-other-rules).',
  8: 'Set hostNetwork: false.',
};

function* checkInitEnd({ name, subject, init }: Pod): Generator<Finding> {
  const ended = init?.status?.ended;
  if (init === undefined || ended === undefined || ended.exitCode === 0) return;
  const meaning = init.isUpstream ? "upstream's script failed" : describeExit(ended);
  const logs = toLogs(subject.namespace, name, init.name, init.status?.waiting !== undefined);
  const fix = init.isUpstream ? undefined : initFixes[ended.exitCode];
  yield {
    cause: 'init-failed',
    detail: `${init.name} ended with exit code ${ended.exitCode} (${meaning})${toQuote(ended)}`,
    fix: fix === undefined ? logs : `${fix}\nIts log: ${logs}`,
  };
}

/** The causes that proxy-init ends with this code for. */
function describeExit({ exitCode, reason }: Ending): string {
  if (reason === 'OOMKilled') return 'out of memory';
  const found = Object.values(failures).filter((row) => row.exitCode === exitCode);
  const [first, ...others] = found.map(({ cause }) => cause);
  if (first === undefined) return describeSignal(exitCode) ?? 'not a code of proxy-init';
  return others.length > 2
    ? `${first}, or another of ${found.length} causes`
    : [first, ...others].join('; or ');
}

function describeSignal(exitCode: number): string | undefined {
  if (exitCode === 137) return 'ended by SIGKILL';
  if (exitCode === 143) return 'ended by SIGTERM';
  if (exitCode === 139) return 'ended by SIGSEGV';
  return undefined;
}

function toQuote({ message }: Ending): string {
  return message === '' ? '' : `: ${message}`;
}

function* checkProxyEnd({ name, subject, proxy }: Pod, known: Known): Generator<Finding> {
  const status = proxy?.status;
  if (proxy === undefined || status === undefined) return;
  const { ended, restarts, waiting } = status;
  const logs = toLogs(subject.namespace, name, proxy.name, restarts > 0);
  if (ended?.reason === 'OOMKilled') {
    yield {
      cause: 'proxy-oom',
      detail: `the kernel ended ${proxy.name} because it ran out of memory (OOMKilled)`,
      fix: `Raise resources.limits.memory of ${proxy.name}; docs/sizing.md has the numbers. If the limit is generous, the node itself ran out of memory.`,
    };
    return;
  }
  const isLooping = waiting?.reason === 'CrashLoopBackOff';
  if (ended === undefined || (!isLooping && restarts === 0 && status.isRunning)) return;
  // The pod itself has ended, and its sidecar with it.
  if (ended.exitCode === 0 && !isLooping && restarts === 0) return;
  const count = restarts === 0 ? '' : `, restarted ${toTimes(restarts)}`;
  const signal = describeSignal(ended.exitCode);
  if (signal === undefined && (ended.exitCode !== 0 || isLooping)) {
    yield {
      cause: 'proxy-ends',
      detail: `${proxy.name} ended with exit code ${ended.exitCode} (${describeProxyExit(ended.exitCode)})${toQuote(ended)}`,
      fix: `${logs}\nThe last line names the setting at fault.`,
    };
    return;
  }
  if (ended.exitCode === 137 || isLooping) {
    const probe = findProbeFailure(name, proxy.name, known);
    yield {
      cause: 'proxy-killed',
      detail: `${proxy.name} was ${signal ?? `ended with exit code ${ended.exitCode}`}${probe === undefined ? '' : ` by the kubelet: ${probe}`}`,
      fix:
        probe === undefined
          ? `kubectl describe pod ${toWord(name ?? '', 'POD')} --namespace ${toWord(subject.namespace, 'NAMESPACE')}\nLook for a probe that failed, and for memory of the node.`
          : `${logs}\nCheck that nothing else has the port of the probe, and the CPU limit of ${proxy.name}.`,
    };
    return;
  }
  yield {
    cause: 'proxy-restarted',
    detail: `${proxy.name} runs again after exit code ${ended.exitCode}${count}`,
    fix: logs,
  };
}

function toTimes(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function describeProxyExit(exitCode: number): string {
  switch (exitCode) {
    case 1:
      return 'it cannot continue: an invalid setting, or its port is taken';
    case 2:
      return 'a malformed command line';
    default:
      return 'not a code of the proxy';
  }
}

/** Text of the failed probe that the kubelet reported of a container. */
function findProbeFailure(
  pod: string | undefined,
  container: string,
  known: Known,
): string | undefined {
  return known.events.findLast(
    ({ about, container: one, reason }) =>
      about.name === pod &&
      one === container &&
      (reason === 'Unhealthy' || reason === 'FailedPostStartHook'),
  )?.message;
}

/**
 * Applications often end with Entra's refusal in their last words. Only the number is taken from them: they may
 * hold anything.
 */
function* checkLastWords({ apps, proxy, name, subject }: Pod): Generator<Finding> {
  for (const container of [...(proxy === undefined ? [] : [proxy]), ...apps]) {
    const digits = /\bAADSTS(\d{5,7})\b/.exec(container.status?.ended?.message ?? '')?.[1];
    if (digits === undefined) continue;
    const code = Number(digits);
    const cause = findAadstsRule(code)?.cause ?? 'see docs/troubleshooting.md';
    const logs = `kubectl exec ${toWord(name ?? '', 'POD')} --namespace ${toWord(subject.namespace, 'NAMESPACE')} --container ${toWord(proxy?.name ?? '', 'PROXY')} -- /proxy doctor`;
    const objectId =
      code === 700_016
        ? " The usual mistake is an object ID in place of the client ID; az identity list --query '[].[name,clientId,principalId]' --output tsv shows both."
        : '';
    yield {
      cause: 'entra-refuses',
      detail: `${container.name} ended with AADSTS${code}: ${cause}`,
      fix: `${logs}\nIt prints issuer, subject and audience of the token, and the command that repairs it.${objectId}`,
    };
    return;
  }
}

function* checkReady({ proxy, name, subject, status }: Pod, known: Known): Generator<Finding> {
  const phase = status(['phase']);
  if (phase === 'Succeeded' || phase === 'Failed') return;
  if (phase === 'Pending' && proxy?.status === undefined) {
    yield {
      cause: 'not-scheduled',
      detail: 'the pod is Pending, and no kubelet has reported its containers',
      fix: `kubectl describe pod ${toWord(name ?? '', 'POD')} --namespace ${toWord(subject.namespace, 'NAMESPACE')}`,
    };
    return;
  }
  if (proxy?.status === undefined || proxy.status.isReady) return;
  const probe = findProbeFailure(name, proxy.name, known);
  yield {
    cause: 'proxy-not-ready',
    detail: `${proxy.name} is ${proxy.status.isRunning ? 'running and not ready' : 'not running'}${probe === undefined ? '' : `: ${probe}`}`,
    fix: `${toLogs(subject.namespace, name, proxy.name, false)}\nWhile it runs: kubectl exec ${toWord(name ?? '', 'POD')} --namespace ${toWord(subject.namespace, 'NAMESPACE')} --container ${toWord(proxy.name, 'PROXY')} -- /proxy doctor`,
  };
}
