import type { Identity } from '../../exchange.ts';
import type { AssertionClaims } from '../exchange/assertion.ts';
import type { Endpoint } from '../exchange/endpoint.ts';
import { type AadstsRule, findAadstsRule } from './aadsts.ts';

/** What was presented, to whom and when. */
export interface Presented extends Endpoint {
  readonly identity: Identity;
  readonly claims: AssertionClaims;
  /** Wall clock. */
  readonly nowMs: number;
}

/** What to change after a refusal with this AADSTS number, with what was presented filled in. */
export function toAadstsHint(code: number | undefined, presented: Presented): string | undefined {
  const rule = findAadstsRule(code);
  if (rule !== undefined) return toRuleHint(rule, presented);
  if (code === undefined) return undefined;
  return `See https://login.microsoftonline.com/error?code=${code}.`;
}

function toRuleHint(rule: AadstsRule, presented: Presented): string {
  if (rule.concernsAssertion === true && presented.tokenProxy !== undefined) {
    return toBindingHint(presented);
  }
  const names = toNames(presented);
  const advice = rule.hint.replace(/\{(\w+)\}/g, (_match, name: string) => names[name] ?? '');
  if (rule.offersCommand !== true) return advice;
  const { issuer, subject, audience, clientId, tenantId } = names;
  const facts = `Presented were issuer ${issuer}, subject ${subject} and audience ${audience}, for the client ID ${clientId} in tenant ${tenantId}.`;
  return [advice, facts, toCommands(presented)].filter((part) => part !== undefined).join(' ');
}

/** The token proxy shows Entra an assertion of its own, so that ours and its claims have no part in it. */
function toBindingHint({ identity: { clientId } }: Presented): string {
  const query = toShellWord(`[?clientId=='${clientId}'].[name,resourceGroup]`);
  return `Entra refused the token proxy, not the pod: the federated credential aks-identity-binding of the identity ${clientId}, which AKS keeps, is missing, was changed or is on its way. Find the identity with: az identity list --query ${query} --output tsv, look at its credentials with: az identity federated-credential list --identity-name '<IDENTITY_NAME>' --resource-group '<RESOURCE_GROUP>', and at the binding with: az aks identity-binding list --resource-group '<RESOURCE_GROUP>' --cluster-name '<CLUSTER>'.`;
}

function toNames({ authorityHost, identity, claims, nowMs }: Presented): Record<string, string> {
  const expiresAtMs = (claims.expiresAtSeconds ?? Number.NaN) * 1_000;
  return {
    issuer: toPrintable(claims.issuer),
    subject: toPrintable(claims.subject),
    audience: toPrintable(claims.audiences.join(', ')),
    clientId: identity.clientId,
    tenantId: identity.tenantId,
    authorityHost,
    expiry: toIsoTime(expiresAtMs),
    now: toIsoTime(nowMs),
  };
}

/**
 * The commands that add the missing credential, ready to be pasted. None for claims that no cluster would
 * write: a value that starts with @ or - would mean something else to az.
 */
function toCommands({ claims, identity: { clientId } }: Presented): string | undefined {
  const { issuer, subject, audiences } = claims;
  const [audience] = audiences;
  if (issuer === undefined || subject === undefined || audience === undefined) return undefined;
  const isPlain = [issuer, subject, audience].every((value) =>
    /^[a-z0-9][!-~]{0,599}$/i.test(value),
  );
  if (!isPlain || audiences.length > 1 || !issuer.startsWith('https://')) return undefined;
  const name = toCredentialName(subject);
  const forIdentity = [
    'az identity federated-credential create',
    `--name ${name}`,
    "--identity-name '<IDENTITY_NAME>'",
    "--resource-group '<RESOURCE_GROUP>'",
    `--issuer ${toShellWord(issuer)}`,
    `--subject ${toShellWord(subject)}`,
    `--audiences ${toShellWord(audience)}`,
  ].join(' ');
  const parameters = JSON.stringify({ name, issuer, subject, audiences: [audience] });
  const forApplication = `az ad app federated-credential create --id ${toShellWord(clientId)} --parameters ${toShellWord(parameters)}`;
  const query = toShellWord(`[?clientId=='${clientId}'].[name,resourceGroup]`);
  return `To add it: ${forIdentity} (both names: az identity list --query ${query} --output tsv), or for an app registration: ${forApplication}. It takes effect within minutes.`;
}

/** Entra wants 3 to 120 letters, digits, dashes and underscores. */
function toCredentialName(subject: string): string {
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(subject) ?? [];
  const name = namespace === undefined ? subject : `${namespace}-${account}`;
  return name
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .slice(0, 120)
    .padEnd(3, '0');
}

/** One word for a POSIX shell. */
function toShellWord(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Claims are whatever the issuer wrote: keep them on one line and short. */
function toPrintable(value: string | undefined): string {
  if (value === undefined || value === '') return '(none)';
  return value.replace(/\p{C}/gu, '?').slice(0, 600);
}

function toIsoTime(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? '(unknown)' : date.toISOString();
}
