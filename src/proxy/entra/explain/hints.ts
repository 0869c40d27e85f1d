import { type AadstsRule, findAadstsRule } from './aadsts.ts';
import {
  isFederationAudience,
  isUsableIssuer,
  toCredentialCommands,
  toFederationAudience,
  toFindIdentityCommand,
  toServiceAccount,
  toTokenVolume,
} from './commands.ts';
import type { Advice, Presented } from './context.ts';

/** What to change after a refusal with this AADSTS number, with the presented values filled in. */
export function toAadstsAdvice(code: number | undefined, presented: Presented): Advice | undefined {
  const rule = findAadstsRule(code);
  if (rule !== undefined) return toRuleAdvice(rule, presented);
  if (code === undefined) return undefined;
  return { hint: `See https://login.microsoftonline.com/error?code=${code}.` };
}

function toRuleAdvice(rule: AadstsRule, presented: Presented): Advice {
  if (rule.concernsAssertion === true && presented.tokenProxy !== undefined) {
    return { hint: toBindingHint(presented) };
  }
  const names = toNames(presented);
  const text = rule.hint.replace(/\{(\w+)\}/g, (_match, name: string) => names[name] ?? '');
  return rule.isAboutCredential === true ? toCredentialAdvice(text, presented) : { hint: text };
}

/** The token proxy shows Entra its own assertion, so the claims of ours do not matter. */
function toBindingHint({ identity: { clientId } }: Presented): string {
  return `Entra refused the token proxy, not the pod. The federated credential aks-identity-binding of the identity ${clientId}, which AKS manages, is missing, was changed, or is not known everywhere yet. Find the identity: ${toFindIdentityCommand(clientId)}. List its credentials: az identity federated-credential list --identity-name '<IDENTITY_NAME>' --resource-group '<RESOURCE_GROUP>'. List the bindings: az aks identity-binding list --resource-group '<RESOURCE_GROUP>' --cluster-name '<CLUSTER>'.`;
}

/**
 * No federated credential fits the presented token. Either the credential is missing, and the commands add it,
 * or no credential should trust this token, and the pod needs another one.
 */
function toCredentialAdvice(text: string, presented: Presented): Advice {
  const { claims, identity, authorityHost } = presented;
  const { clientId, tenantId } = identity;
  const { issuer, subject, audience } = toNames(presented);
  const facts = `Presented: issuer ${issuer}, subject ${subject}, audience ${audience}, for the client ID ${clientId} in tenant ${tenantId}.`;
  const compose = (rest: string, remedy?: string): Advice => ({
    hint: `${text} ${facts} ${rest}`,
    remedy,
  });

  if (claims.audiences.length > 0 && !claims.audiences.every(isFederationAudience)) {
    const wanted = toFederationAudience(authorityHost);
    const volume = toTokenVolume(wanted);
    return compose(
      `Do not add a federated credential for that audience: tokens for it are meant for another service. Mount a projected ServiceAccount token for ${wanted} and set AZURE_FEDERATED_TOKEN_FILE to it. The azure-workload-identity webhook does both; by hand, add this volume to the pod: ${volume}`,
      volume,
    );
  }
  if (toServiceAccount(claims.subject) === undefined) {
    return compose(
      'This is not the token of a Kubernetes ServiceAccount. Check AZURE_FEDERATED_TOKEN_FILE.',
    );
  }
  if (claims.issuer !== undefined && !isUsableIssuer(claims.issuer)) {
    return compose(
      'Entra cannot reach this issuer. The cluster needs an issuer URL that can be read from the internet: see docs/self-managed.md, or for AKS the documentation of its OIDC issuer. Then create the pod again.',
    );
  }
  const commands = toCredentialCommands({ clientId, ...claims });
  if (commands === undefined) return compose('Compare these with the credentials of the identity.');
  const isShared = claims.subject?.endsWith(':default') === true;
  const caution = isShared
    ? ' Note that all pods of the namespace that name no ServiceAccount have this subject.'
    : '';
  return compose(
    `If this pod should use the identity, add the credential: ${commands.create} (for both names: ${toFindIdentityCommand(clientId)}). For an app registration: ${commands.createForApplication}. It takes effect within minutes.${caution}`,
    commands.create,
  );
}

function toNames({ authorityHost, identity, claims, nowMs }: Presented): Record<string, string> {
  const expiresAtMs = (claims.expiresAtSeconds ?? Number.NaN) * 1_000;
  return {
    issuer: claims.issuer || '(none)',
    subject: claims.subject || '(none)',
    audience: claims.audiences.join(', ') || '(none)',
    clientId: identity.clientId,
    tenantId: identity.tenantId,
    authorityHost,
    expiry: toIsoTime(expiresAtMs),
    now: toIsoTime(nowMs),
  };
}

function toIsoTime(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? '(unknown)' : date.toISOString();
}
