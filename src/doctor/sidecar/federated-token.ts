import type { Clock } from '../../proxy/clock.ts';
import { type AssertionFile, listAssertionFiles } from '../../proxy/config/exchange-settings.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import type { AssertionClaims } from '../../proxy/entra/exchange/assertion.ts';
import { examineAssertion } from '../../proxy/entra/exchange/federated-token.ts';
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
  const options = { path, mode, usualMode: config.exchangeMode };
  const { claims, fault, doubt } = await examineAssertion({ clock }, options);
  const evidence: Evidence = {
    setting,
    file: path,
    mode,
    ...(claims !== undefined && toEvidence(claims)),
  };
  if (fault !== undefined) return fail(`${path} ${fault.is}`, { evidence, fix: fault.hint, docs });
  if (doubt !== undefined) return warn(`${path} ${doubt.is}`, { evidence, fix: doubt.hint, docs });
  const age = claims && findAge(claims, clock.epochMs());
  if (age !== undefined && age > lateShare) {
    return warn(`${path} holds a token in the last part of its life (${Math.round(age * 100)} %)`, {
      evidence,
      fix: 'The kubelet renews it after 80 %. Look at the kubelet of this node: journalctl -u kubelet. A copy of the file is not renewed: name the file of the projected volume itself.',
      docs,
    });
  }
  return ok(`${claims?.subject}`, { evidence });
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
