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
  return ok(`${assertion.claims.subject}`, { evidence: claims });
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
