import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import { parseObject } from '../../proxy/entra/exchange/assertion.ts';
import { toPeerHost } from '../../proxy/entra/explain/context.ts';
import { toAadstsAdvice } from '../../proxy/entra/explain/hints.ts';
import { createTextFilter } from '../../shared/untrusted-text.ts';
import { type Check, type Finding, fail, ok, warn } from '../engine/check.ts';
import { explainNetworkFault } from '../network/explain.ts';
import type { HttpAnswer } from '../network/http-get.ts';
import type { AnswerFacts } from '../network/peer-path.ts';
import type { ExaminedPeer } from './peers.ts';

const clean = createTextFilter([]);

/** Entra's documented tolerance for clocks that differ. */
const toleratedMs = 5 * 60_000;
/** NTP keeps clocks closer than a second. */
const suspiciousMs = 30_000;

/**
 * Whether the peer answers HTTP as it should. From Entra it reads the public document of the tenant, so it sees
 * a wrong tenant or cloud without a token.
 */
export function createAnswerCheck(peer: ExaminedPeer, { tenantId }: ProxyConfig): Check {
  const { id, url, asPeer } = peer;
  return {
    id: id === 'entra' ? 'entra-tenant' : 'token-proxy-answer',
    needs: [`${id}-tls`],
    async run() {
      let answer: AnswerFacts;
      try {
        answer = await peer.answer();
      } catch (error) {
        const { summary, fix } = explainNetworkFault(error, asPeer);
        return fail(summary, { fix, docs: 'docs/troubleshooting.md#entra-cannot-be-reached' });
      }
      return id === 'entra'
        ? judgeTenant(answer, { authorityHost: url, tenantId })
        : judgeTokenProxy(answer, url);
    },
  };
}

/** This machine's clock against that of a peer. */
export function createClockCheck({ id, asPeer, answer }: ExaminedPeer): Check {
  return {
    id: 'clock',
    needs: [`${id}-tls`],
    run: async () => judgeClock(await answer().catch(() => undefined), toPeerHost(asPeer)),
  };
}

/** The clouds by the name in Entra's documents, with the authority to set. */
const authorities: Readonly<Record<string, string>> = {
  'microsoftonline.com': 'https://login.microsoftonline.com',
  'microsoftonline.us': 'https://login.microsoftonline.us',
  'partner.microsoftonline.cn': 'https://login.partner.microsoftonline.cn',
};

/** Hosts of an authority that do not end in the name of their cloud. */
const cloudOfHost: Readonly<Record<string, string>> = {
  'login.windows.net': 'microsoftonline.com',
  'login.microsoft.com': 'microsoftonline.com',
  'login.chinacloudapi.cn': 'partner.microsoftonline.cn',
};

/** Judges the answer to the request for the OpenID document of the tenant. */
export function judgeTenant(
  { status, text }: Pick<HttpAnswer, 'status' | 'text'>,
  { authorityHost, tenantId }: { readonly authorityHost: string; readonly tenantId: string },
): Finding {
  const { host, hostname } = new URL(authorityHost);
  const document = parseObject(text);
  const docs = 'docs/troubleshooting.md#90002-900023-90038-900382-900432';
  if (status === 200 && typeof document?.['token_endpoint'] === 'string') {
    const cloud = String(document['cloud_instance_name'] ?? '');
    const authority = Object.hasOwn(authorities, cloud) ? authorities[cloud] : undefined;
    const ours = cloudOfHost[hostname.replace(/^[^.]+\.(?=login\.)/, '')] ?? hostname;
    if (authority === undefined || ours === cloud || ours.endsWith(`.${cloud}`)) {
      return ok(`${host} knows the tenant ${tenantId}`);
    }
    return fail(`the tenant ${tenantId} belongs to another cloud than ${host}`, {
      evidence: { cloud },
      fix: `Set AZURE_AUTHORITY_HOST to ${authority}.`,
      docs,
    });
  }
  const description = String(document?.['error_description'] ?? '');
  const aadsts = Number(/AADSTS(\d{3,9})/.exec(description)?.[1]);
  if (Number.isFinite(aadsts)) {
    const advice = toAadstsAdvice(aadsts, {
      authorityHost,
      identity: { clientId: '', tenantId },
      claims: { issuer: undefined, subject: undefined, audiences: [], expiresAtSeconds: undefined },
      nowMs: 0,
    });
    return fail(clean(description, 200), {
      evidence: { authority: authorityHost, tenant: tenantId },
      fix: advice?.hint ?? 'Check AZURE_TENANT_ID and AZURE_AUTHORITY_HOST.',
      docs,
    });
  }
  return fail(`${host} answers with status ${status} and does not describe the tenant`, {
    evidence: { authority: authorityHost, tenant: tenantId, 'the answer starts': clean(text, 200) },
    fix: `Something else may answer instead of Entra: a proxy, a firewall, a page to log in. Check AZURE_AUTHORITY_HOST (${authorityHost}).`,
    docs: 'docs/troubleshooting.md#entra-cannot-be-reached',
  });
}

/** The token proxy and the API server share an address. Only the API server calls a stranger by this name. */
function judgeTokenProxy({ status, text }: HttpAnswer, url: string): Finding {
  const { host } = new URL(url);
  if (!text.includes('system:anonymous')) return ok(`${host} answers with status ${status}`);
  return fail(`the API server answers at ${host} in place of the token proxy`, {
    evidence: { 'the answer starts': clean(text, 200) },
    fix: 'The TLS server name tells them apart. Set AZURE_KUBERNETES_SNI_NAME as the azure-workload-identity webhook does: create the pod again.',
    docs: 'docs/troubleshooting.md#the-token-proxy-of-aks',
  });
}

/** Compares this machine's clock with the Date of an answer, which has whole seconds. */
export function judgeClock(answer: AnswerFacts | undefined, host: string): Finding {
  const theirs = Date.parse(String(answer?.headers.date ?? ''));
  if (answer === undefined || Number.isNaN(theirs)) {
    return warn(`${host} gives no date to compare the clock with`, {
      fix: 'Compare the clock of the node with NTP by hand.',
    });
  }
  const { sentAtMs, receivedAtMs } = answer;
  // The date was taken between the two instants, and cut down to a second.
  const aheadMs = sentAtMs - (theirs + 1_000);
  const behindMs = theirs - receivedAtMs;
  const offMs = Math.max(aheadMs, behindMs, 0);
  const evidence = {
    'this node': new Date(receivedAtMs).toISOString(),
    [host]: new Date(theirs).toISOString(),
  };
  if (offMs < suspiciousMs) return ok(`agrees with ${host}`, { evidence });
  const off =
    offMs < 120_000 ? `${Math.round(offMs / 1_000)} s` : `${Math.round(offMs / 60_000)} min`;
  const summary = `this node's clock is ${off} ${aheadMs > behindMs ? 'ahead of' : 'behind'} ${host}`;
  const details = {
    evidence,
    fix: 'Let the time service of the node synchronise its clock. On the node: chronyc tracking, or timedatectl.',
    docs: 'docs/troubleshooting.md#700024-70023',
  };
  return offMs > toleratedMs ? fail(summary, details) : warn(summary, details);
}
