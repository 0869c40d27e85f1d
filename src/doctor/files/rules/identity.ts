import { webhook } from '../../../inject/contract.ts';
import { tenantValue } from '../../../shared/entra-values.ts';
import { isGuid } from '../../../shared/guid.ts';
import type { Finding } from '../causes.ts';
import { andRestart, toAnnotate, toRestart, toWord } from '../commands.ts';
import { findSetting } from '../container.ts';
import type { Known } from '../known.ts';
import type { Pod } from '../pod.ts';

/** Whose identity the pod wants, and whether that can be one. */
export function* checkIdentity(pod: Pod, known: Known): Generator<Finding> {
  const { subject, serviceAccount, proxy, asksBy } = pod;
  const { namespace } = subject;
  const account = known.findAccount(namespace, serviceAccount);
  const shown = `ServiceAccount ${namespace}/${serviceAccount}`;
  if (account === undefined && known.hasAccounts(namespace) && serviceAccount !== 'default') {
    yield {
      cause: 'service-account-missing',
      detail: `${shown} is not in the input, which has other ServiceAccounts of the namespace`,
      fix: `kubectl create serviceaccount ${toWord(serviceAccount, 'SERVICE_ACCOUNT')} --namespace ${toWord(namespace, 'NAMESPACE')} && ${toAnnotate(serviceAccount, namespace, webhook.clientIdAnnotation, '<CLIENT_ID>')}`,
    };
    return;
  }
  const variable = proxy?.variables.get('AZURE_CLIENT_ID');
  // One that maps object IDs and resource IDs needs no usual client ID.
  const hasMap = proxy !== undefined && hasValue(pod, 'identities', 'IMDS_PROXY_IDENTITIES');
  const isOwn = proxy !== undefined && asksBy === undefined && variable !== undefined;
  const annotated = isOwn ? undefined : account?.clientId;

  if (annotated === undefined && variable === undefined) {
    if (hasMap || (proxy === undefined && account === undefined)) return;
    yield toMissing(pod, account !== undefined);
    return;
  }
  if (annotated !== undefined) {
    const tenants = [account?.tenantId, proxy?.variables.get('AZURE_TENANT_ID')?.value];
    yield* checkClientId(
      annotated,
      `the annotation ${webhook.clientIdAnnotation} of ${shown}`,
      (clientId) =>
        andRestart(
          toAnnotate(serviceAccount, namespace, webhook.clientIdAnnotation, clientId),
          subject,
        ),
      tenants,
      known,
    );
  } else if (variable?.value !== undefined) {
    yield* checkClientId(
      variable.value,
      `AZURE_CLIENT_ID of ${proxy?.name}`,
      (clientId) => `Set AZURE_CLIENT_ID of ${proxy?.name} to ${clientId}.`,
      [proxy?.variables.get('AZURE_TENANT_ID')?.value],
      known,
    );
  }
  yield* checkAge(pod, annotated);
}

/** Whether the pod was made before the annotation of its ServiceAccount. */
function* checkAge(pod: Pod, annotated: string | undefined): Generator<Finding> {
  const { subject, serviceAccount, proxy, name } = pod;
  if (annotated === undefined || proxy === undefined || name === undefined) return;
  const variable = proxy.variables.get('AZURE_CLIENT_ID');
  const shown = `ServiceAccount ${subject.namespace}/${serviceAccount}`;
  if (variable === undefined && annotated.trim() !== '') {
    yield {
      cause: 'client-id-old',
      detail: `${shown} has a client ID, and the pod has none: it was made before the annotation`,
      fix: toRestart(subject),
    };
  } else if (
    variable?.value !== undefined &&
    isGuid(annotated) &&
    variable.value.toLowerCase() !== annotated.toLowerCase()
  ) {
    yield {
      cause: 'client-id-differs',
      detail: `${shown} names ${annotated}, and the pod ${toShown(variable.value)}: it was made before the annotation changed, or sets AZURE_CLIENT_ID itself`,
      fix: toRestart(subject),
    };
  }
}

function toMissing(pod: Pod, isKnown: boolean): Finding {
  const { subject, serviceAccount, namesServiceAccount, proxy } = pod;
  const { namespace } = subject;
  const annotate = andRestart(
    toAnnotate(serviceAccount, namespace, webhook.clientIdAnnotation, '<CLIENT_ID>'),
    subject,
  );
  const whole = `ServiceAccount ${namespace}/${serviceAccount} has no annotation ${webhook.clientIdAnnotation}`;
  if (!isKnown) {
    return {
      cause: 'client-id-missing',
      detail: `${proxy?.name} has no AZURE_CLIENT_ID: the ServiceAccount ${namespace}/${serviceAccount} had no annotation ${webhook.clientIdAnnotation} when the pod was made`,
      fix: annotate,
    };
  }
  return {
    cause: 'client-id-missing',
    detail: namesServiceAccount
      ? whole
      : `${whole}; the pod runs as default because it names no ServiceAccount`,
    fix: namesServiceAccount
      ? annotate
      : `Set serviceAccountName of ${subject.kind} ${namespace}/${subject.name} to a ServiceAccount that has the annotation.`,
  };
}

function* checkClientId(
  text: string,
  where: string,
  toFix: (clientId: string) => string,
  tenants: readonly (string | undefined)[],
  known: Known,
): Generator<Finding> {
  const find = `az identity list --query '[].[name,clientId,principalId]' --output tsv`;
  if (!isGuid(text)) {
    yield {
      cause: 'client-id-form',
      detail: `${where} is not a GUID: ${describeForm(text)}`,
      fix: `${toFix('<CLIENT_ID>')}\nThe client IDs of your identities: ${find}`,
    };
    return;
  }
  const clientId = known.findByObjectId(text);
  if (clientId !== undefined) {
    yield {
      cause: 'object-id',
      detail: `${where} is ${text}, the object ID (principalId) of an identity whose client ID is ${clientId}`,
      fix: toFix(clientId),
    };
  } else if (tenants.some((tenant) => tenant?.toLowerCase() === text.toLowerCase())) {
    yield {
      cause: 'client-id-form',
      detail: `${where} is ${text}, the ID of the tenant`,
      fix: `${toFix('<CLIENT_ID>')}\nThe client IDs of your identities: ${find}`,
    };
  }
}

/** What a text looks like. It is not shown: somebody may have put a secret there. */
function describeForm(text: string): string {
  const length = `${text.length} characters`;
  if (text.trim() === '') return 'it is empty';
  if (isGuid(text.trim())) return 'there is white space around it';
  if (/^["'{].*["'}]$/.test(text.trim())) return `it stands in quotes or braces, ${length}`;
  if (/^\/subscriptions\//i.test(text)) return "it is an identity's resource ID";
  if (/^<.*>$|^\$\{?\w+\}?$|\{\{/.test(text)) return 'it is a placeholder that nobody filled in';
  if (/^[\da-f]{32}$/i.test(text)) return 'its dashes are missing';
  if (/^[a-z][a-z\d-]{2,60}$/i.test(text)) return `it looks like a name, ${length}`;
  return `it has ${length} of another form`;
}

function toShown(clientId: string): string {
  return isGuid(clientId) ? clientId : 'another text';
}

/** The tenant, without which the proxy does not start. */
export function* checkTenant(pod: Pod, known: Known): Generator<Finding> {
  const { subject, serviceAccount, proxy, name, hasToken } = pod;
  const { namespace } = subject;
  const annotated = known.findAccount(namespace, serviceAccount)?.tenantId;
  const variable = proxy?.variables.get('AZURE_TENANT_ID');
  const [text, where] =
    variable === undefined
      ? [
          annotated,
          `the annotation ${webhook.tenantIdAnnotation} of ServiceAccount ${namespace}/${serviceAccount}`,
        ]
      : [variable.value, `AZURE_TENANT_ID of ${proxy?.name}`];
  if (text !== undefined && !tenantValue.parse(text).ok) {
    const isShown = /^[\w.-]{1,60}$/.test(text);
    yield {
      cause: 'tenant-form',
      detail: `${where} is neither a GUID nor a domain${isShown ? ` (${text})` : ''}`,
      fix: "Set it to the tenant's ID: az account show --query tenantId --output tsv",
    };
  }
  // The webhook gives a pod that is still a template its tenant.
  if (proxy === undefined || variable !== undefined) return;
  if (name === undefined && pod.hasLabel && !hasToken) return;
  if (hasValue(pod, 'identities', 'IMDS_PROXY_IDENTITIES')) return;
  yield {
    cause: 'tenant-missing',
    detail: `${proxy.name} has no AZURE_TENANT_ID, and does not start without`,
    fix: pod.hasLabel
      ? `Set azureTenantID of the webhook's chart. Then: ${toRestart(subject)}`
      : `Add the label ${webhook.useLabel}: "true" to the pod template, so that the webhook sets it, or set AZURE_TENANT_ID of ${proxy.name}.`,
  };
}

function hasValue({ proxy }: Pod, flag: string, variable: string): boolean {
  if (proxy === undefined) return false;
  return proxy.variables.has(variable) || findSetting(proxy, flag, variable) !== undefined;
}
