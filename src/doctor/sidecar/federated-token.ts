import type { Clock } from '../../proxy/clock.ts';
import { type AssertionFile, listAssertionFiles } from '../../proxy/config/exchange-settings.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import {
  type AssertionClaims,
  MAX_ASSERTION_BYTES,
  parseAssertion,
} from '../../proxy/entra/exchange/assertion.ts';
import {
  emptyFault,
  findAssertionDoubt,
  findAssertionFault,
  malformedFault,
  toReadFault,
} from '../../proxy/entra/explain/assertion-fault.ts';
import { readSmallFile, toErrorCode } from '../../shared/small-file.ts';
import { type Check, type Evidence, type Finding, fail, ok, warn } from '../engine/check.ts';

/** The kubelet renews a token at 80 % of its life, and looks every minute or so. */
const lateShare = 0.9;

const docs = 'docs/troubleshooting.md#the-serviceaccount-token';

/** One check for each token file and mode, judged as an exchange would. */
export function createTokenFileChecks(
  { clock }: { readonly clock: Clock },
  config: ProxyConfig,
): readonly Check[] {
  return listAssertionFiles(config).map((file, index) => ({
    id: toCheckId(index),
    run: () => examine(clock, file, config),
  }));
}

/** The check of the token file that exchanges for an identity use. */
export function findTokenFileCheck(config: ProxyConfig, clientId: string): string {
  const identity = config.identities.find((one) => one.clientId === clientId);
  const path = identity?.tokenFile ?? config.federatedTokenFile;
  const mode = identity?.mode ?? config.exchangeMode;
  const files = listAssertionFiles(config);
  return toCheckId(files.findIndex((file) => file.path === path && file.mode === mode));
}

function toCheckId(index: number): string {
  return index === 0 ? 'federated-token' : `federated-token-${index + 1}`;
}

async function examine(clock: Clock, file: AssertionFile, config: ProxyConfig): Promise<Finding> {
  const { path, mode, identity } = file;
  const setting =
    identity === undefined ? 'AZURE_FEDERATED_TOKEN_FILE' : `tokenFile of ${identity.clientId}`;
  const evidence: Evidence = { setting, file: path, mode };
  const refuse = ({ is, hint }: { readonly is: string; readonly hint: string }): Finding =>
    fail(`${path} ${is}`, { evidence, fix: hint, docs });

  let text: string;
  try {
    text = (await readSmallFile(path, MAX_ASSERTION_BYTES)).trim();
  } catch (error) {
    return refuse(toReadFault(toErrorCode(error), path));
  }
  if (text === '') return refuse(emptyFault);
  const assertion = parseAssertion(text);
  if (assertion === undefined) return refuse(malformedFault);
  const nowMs = clock.epochMs();
  const claims = { ...evidence, ...toEvidence(assertion.claims) };
  const fault = findAssertionFault(assertion, nowMs, mode, config.exchangeMode);
  if (fault !== undefined)
    return fail(`${path} ${fault.is}`, { evidence: claims, fix: fault.hint, docs });
  const doubt = findAssertionDoubt(assertion, nowMs, mode);
  if (doubt !== undefined) {
    const judge = doubt.isCertain ? fail : warn;
    return judge(`${path} ${doubt.is}`, { evidence: claims, fix: doubt.hint, docs });
  }
  const age = findAge(assertion.claims, nowMs);
  if (age !== undefined && age > lateShare) {
    return warn(`${path} holds a token in the last part of its life (${Math.round(age * 100)} %)`, {
      evidence: claims,
      fix: 'The kubelet renews it after 80 %. Look at the kubelet of this node: journalctl -u kubelet. A copy of the file is not renewed: name the file of the projected volume itself.',
      docs,
    });
  }
  return ok(`${assertion.claims.subject}`, { evidence: claims });
}

/** How much of its life the token has behind it, from 0 to 1. Tokens of Kubernetes are valid from their issue. */
function findAge(
  { notBeforeSeconds, expiresAtSeconds }: AssertionClaims,
  nowMs: number,
): number | undefined {
  if (notBeforeSeconds === undefined || expiresAtSeconds === undefined) return undefined;
  return (nowMs / 1_000 - notBeforeSeconds) / (expiresAtSeconds - notBeforeSeconds);
}

function toEvidence({ issuer, subject, audiences, expiresAtSeconds }: AssertionClaims): Evidence {
  return {
    issuer: issuer ?? '(none)',
    subject: subject ?? '(none)',
    audience: audiences.join(', ') || '(none)',
    ...(expiresAtSeconds !== undefined && {
      expires: new Date(expiresAtSeconds * 1_000).toISOString(),
    }),
  };
}
