import { toPrintable } from '../../shared/untrusted-text.ts';
import { type Finding, fail } from '../engine/check.ts';
import {
  DOCUMENT_DEADLINE_MS,
  type Fetched,
  isUntrusted,
  MAX_DOCUMENT_BYTES,
} from './fetch-document.ts';

const docs = 'docs/self-managed.md';

const publish =
  'Publish the document there, readable without a login: proxy issuer documents writes it (docs/self-managed.md).';

/** A document that Entra would read as well, or the finding that says why it would not. */
export type Judged =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly finding: Finding };

/** @param what names the document, such as `the discovery document`. */
export function judgeAnswer(url: string, what: string, fetched: Fetched): Judged {
  const refuse = (why: string, fix: string, evidence = {}): Judged => ({
    ok: false,
    finding: fail(`${what} cannot be read: ${why}`, { fix, docs, evidence: { url, ...evidence } }),
  });
  if (fetched.kind === 'fault') {
    const [why, fix] = explainFault(new URL(url).host, fetched.code);
    return refuse(why, fix, { code: fetched.code });
  }
  const { status, headers, text } = fetched;
  const location = toLocation(url, headers['location']);
  if (status >= 300 && status <= 399) {
    return refuse(
      `the server redirects with status ${status}${location === undefined ? '' : ` to ${location}`}`,
      isLogin(location)
        ? 'The server wants a login. Let everybody read the document: nothing in it is secret.'
        : 'Publish it at this very address: OpenID Connect wants an answer with status 200, and Entra compares the issuer with the address.',
    );
  }
  if (status !== 200) return refuse(...explainStatus(status, text));
  const value = toObject(text);
  if (value === undefined) {
    return refuse(
      /^\s*<(?:!doctype|html)/i.test(text)
        ? 'the server answers with an HTML page, such as a login or an error page'
        : 'the server answers with something other than a JSON object',
      publish,
      { contentType: toPrintable((headers['content-type'] ?? 'none').slice(0, 100)) },
    );
  }
  return { ok: true, value };
}

function explainStatus(status: number, text: string): readonly [why: string, fix: string] {
  const why = `the server answers with status ${status}`;
  // The error codes of Azure Storage.
  if (text.includes('PublicAccessNotPermitted')) {
    return [
      `${why}: the storage account forbids public access`,
      "If the account holds nothing but these documents: az storage account update --name '<ACCOUNT>' --resource-group '<RESOURCE_GROUP>' --allow-blob-public-access true",
    ];
  }
  if (text.includes('ResourceNotFound') || text.includes('NoAuthenticationInformation')) {
    return [
      `${why}: the container of the storage account is private or does not exist`,
      "If the container holds nothing but these documents: az storage container set-permission --account-name '<ACCOUNT>' --name '<CONTAINER>' --public-access blob",
    ];
  }
  if (status === 401 || status === 403) {
    return [
      `${why}: it wants a login`,
      'Let everybody read the document: nothing in it is secret. The API server itself answers so unless the ClusterRole system:service-account-issuer-discovery is bound to everybody; publish copies elsewhere instead.',
    ];
  }
  if (status === 404) return [`${why}: nothing is there`, publish];
  return [why, publish];
}

function explainFault(host: string, code: string): readonly [why: string, fix: string] {
  if (isUntrusted(code)) {
    return [
      `no public authority vouches for the certificate of ${host} (${code})`,
      'Use a certificate of a public authority, with its intermediate certificates. If this network intercepts TLS, run this check outside of it.',
    ];
  }
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [
        `the name ${host} cannot be resolved (${code})`,
        'Check the spelling of --issuer, and that the name is in public DNS.',
      ];
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return [
        `the certificate of ${host} is expired or not valid yet (${code})`,
        "Renew the certificate, and compare this machine's clock with NTP.",
      ];
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return [
        `the certificate of ${host} is for another name`,
        'Use a certificate for this name, or the name of the certificate as the issuer.',
      ];
    case 'ETIMEDOUT':
      return [
        `no answer within ${DOCUMENT_DEADLINE_MS / 1_000} s`,
        `Check that ${host} answers the internet on port 443. Run this check outside of the cluster's network.`,
      ];
    case 'EFBIG':
      return [`it has more than ${MAX_DOCUMENT_BYTES / 1_024} KiB`, publish];
    default:
      return [
        `the connection to ${host} failed (${code})`,
        `Check that ${host} answers the internet on port 443. Run this check outside of the cluster's network.`,
      ];
  }
}

/** Host and path: a query of a login page may have anything in it. */
function toLocation(url: string, location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location, url)) return undefined;
  const { origin, pathname } = new URL(location, url);
  return toPrintable(`${origin}${pathname}`.slice(0, 200));
}

function isLogin(location: string | undefined): boolean {
  return /login|signin|auth|sso/i.test(location ?? '');
}

function toObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
