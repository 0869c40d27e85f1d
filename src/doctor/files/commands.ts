import type { Subject } from './pod.ts';

/**
 * A name as a word of a command. A name that Kubernetes would not allow comes from a file that somebody wrote by
 * hand: a placeholder stands for it.
 */
export function toWord(name: string, placeholder: string): string {
  return /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name) ? name : `<${placeholder}>`;
}

const restartable = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** How the pods come anew, from their template and through the webhooks. */
export function toRestart({ kind, namespace, name }: Subject): string {
  if (!restartable.includes(kind)) return `Make the pods of ${kind} ${namespace}/${name} anew.`;
  return `kubectl rollout restart ${kind.toLowerCase()}/${toWord(name, 'NAME')} --namespace ${toWord(namespace, 'NAMESPACE')}`;
}

/** Adds a label or an annotation to the pod template. Pods by themselves are made again. */
export function toTemplatePatch(
  { kind, namespace, name }: Subject,
  map: 'labels' | 'annotations',
  key: string,
): string {
  if (!restartable.includes(kind)) {
    return `Add ${key}: "true" to metadata.${map} of the pod${kind === 'Pod' ? '' : ' template'}, and make the pods of ${kind} ${namespace}/${name} anew.`;
  }
  const patch = { spec: { template: { metadata: { [map]: { [key]: 'true' } } } } };
  return `kubectl patch ${kind.toLowerCase()}/${toWord(name, 'NAME')} --namespace ${toWord(namespace, 'NAMESPACE')} --patch '${JSON.stringify(patch)}'`;
}

/** Both, so that new pods see the change. */
export function andRestart(command: string, subject: Subject): string {
  return restartable.includes(subject.kind)
    ? `${command} && ${toRestart(subject)}`
    : `${command}, then: ${toRestart(subject)}`;
}

export function toAnnotate(
  serviceAccount: string,
  namespace: string,
  annotation: string,
  value: string,
): string {
  return `kubectl annotate serviceaccount ${toWord(serviceAccount, 'SERVICE_ACCOUNT')} --namespace ${toWord(namespace, 'NAMESPACE')} --overwrite ${annotation}='${value}'`;
}

/** The last lines of a container, of its previous run if it runs again. */
export function toLogs(
  namespace: string,
  pod: string | undefined,
  container: string,
  isPrevious: boolean,
): string {
  return `kubectl logs ${toWord(pod ?? '', 'POD')} --namespace ${toWord(namespace, 'NAMESPACE')} --container ${toWord(container, 'CONTAINER')}${isPrevious ? ' --previous' : ''}`;
}
