import { discoveryPath, toDocumentUrl } from '../../issuer/documents.ts';
import { KeyError, readPublicKeys } from '../../issuer/public-key.ts';
import { MAX_ASSERTION_BYTES, parseAssertion } from '../../proxy/entra/exchange/assertion.ts';
import {
  describeReadFault,
  MAX_SETTING_FILE_BYTES,
  readSmallFile,
} from '../../shared/small-file.ts';
import { type Check, type Finding, fail } from '../engine/check.ts';
import type { Place } from '../engine/place.ts';
import type { FetchDocument, Fetched } from './fetch-document.ts';
import { judgeAnswer } from './judge-answer.ts';
import {
  judgeCaching,
  judgeCertificate,
  judgeKeySetUrl,
  judgeName,
  judgeUrl,
} from './judge-issuer.ts';
import { judgeKeys, judgeRotation, judgeToken, type PublishedKey } from './judge-keys.ts';

export interface IssuerOptions {
  /** As the API server has it. */
  readonly issuer: string;
  /** A ServiceAccount token of the cluster. */
  readonly tokenFile: string | undefined;
  /** Keys that must be published: files in PEM. */
  readonly publicKeys: readonly string[];
}

/** The documents, as far as the checks before have read them. */
interface Documents {
  discovery?: Readonly<Record<string, unknown>>;
  keySet?: Readonly<Record<string, unknown>>;
  keys: readonly PublishedKey[];
  readonly cacheControl: (string | undefined)[];
  readonly isPublic: boolean[];
}

/**
 * The checks of a cluster's token issuer, from the view of Entra: on public documents only, and without any access
 * to the cluster.
 */
export function openIssuer(
  { fetchDocument }: { readonly fetchDocument: FetchDocument },
  { issuer, tokenFile, publicKeys }: IssuerOptions,
): Place {
  const seen: Documents = { keys: [], cacheControl: [], isPublic: [] };
  const remember = (fetched: Fetched): Fetched => {
    if (fetched.kind === 'answer') {
      seen.cacheControl.push(fetched.headers['cache-control']);
      seen.isPublic.push(fetched.isPublic);
    }
    return fetched;
  };

  const checks: Check[] = [
    { id: 'issuer-url', run: async () => judgeUrl(issuer) },
    {
      id: 'issuer-discovery',
      needs: ['issuer-url'],
      async run(signal) {
        const url = toDocumentUrl(issuer, discoveryPath);
        const fetched = remember(await fetchDocument(url, signal));
        const judged = judgeAnswer(url, 'the discovery document', fetched);
        if (!judged.ok) return judged.finding;
        seen.discovery = judged.value;
        return { status: 'ok', summary: `${url} can be read by everybody` };
      },
    },
    {
      id: 'issuer-name',
      needs: ['issuer-discovery'],
      run: async () => judgeName(issuer, seen.discovery?.['issuer'], 'the discovery document'),
    },
    {
      id: 'issuer-jwks-uri',
      needs: ['issuer-discovery'],
      run: async () => judgeKeySetUrl(seen.discovery?.['jwks_uri']),
    },
    {
      id: 'issuer-key-set',
      needs: ['issuer-jwks-uri'],
      async run(signal) {
        const url = String(seen.discovery?.['jwks_uri']);
        const judged = judgeAnswer(url, 'the key set', remember(await fetchDocument(url, signal)));
        if (!judged.ok) return judged.finding;
        seen.keySet = judged.value;
        return { status: 'ok', summary: `${url} can be read by everybody` };
      },
    },
    {
      id: 'issuer-certificate',
      needs: ['issuer-discovery'],
      run: async () => judgeCertificate(seen.isPublic),
    },
    {
      id: 'issuer-keys',
      needs: ['issuer-key-set'],
      async run() {
        const { keys, finding } = judgeKeys(seen.keySet ?? {});
        seen.keys = keys;
        return finding;
      },
    },
    ...(tokenFile === undefined ? [] : toTokenChecks(issuer, tokenFile, seen)),
    {
      id: 'issuer-rotation',
      needs: ['issuer-keys'],
      run: async () => judgePublished(publicKeys, seen.keys),
    },
    {
      id: 'issuer-caching',
      needs: ['issuer-key-set'],
      run: async () => judgeCaching(seen.cacheControl),
    },
  ];
  return { from: `this machine, at the issuer ${issuer}`, checks, secrets: [] };
}

function toTokenChecks(issuer: string, path: string, seen: Documents): readonly Check[] {
  let token: string | undefined;
  return [
    {
      id: 'token-issuer',
      async run() {
        try {
          token = (await readSmallFile(path, MAX_ASSERTION_BYTES)).trim();
        } catch (error) {
          return refuseFile(path, describeReadFault(error, MAX_ASSERTION_BYTES));
        }
        const assertion = parseAssertion(token);
        if (assertion === undefined) return refuseFile(path, 'holds no ServiceAccount token');
        return judgeName(issuer, assertion.claims.issuer, 'the token');
      },
    },
    {
      id: 'token-key',
      needs: ['issuer-key-set', 'token-issuer'],
      run: async () => judgeToken(token ?? '', seen.keys),
    },
  ];
}

function refuseFile(path: string, why: string): Finding {
  return fail(`${path} ${why}`, {
    fix: 'Write one: kubectl create token <SERVICE_ACCOUNT> --namespace <NAMESPACE> --audience=api://AzureADTokenExchange > <FILE>',
    docs: 'docs/self-managed.md',
  });
}

async function judgePublished(
  files: readonly string[],
  keys: readonly PublishedKey[],
): Promise<Finding> {
  if (files.length === 0) return judgeRotation(undefined, keys);
  const wanted: string[] = [];
  for (const file of files) {
    try {
      const pem = await readSmallFile(file, MAX_SETTING_FILE_BYTES);
      wanted.push(...readPublicKeys(pem).map(({ kid }) => kid));
    } catch (error) {
      const why =
        error instanceof KeyError
          ? error.message
          : describeReadFault(error, MAX_SETTING_FILE_BYTES);
      return fail(`${file} ${why}`, {
        fix: 'Pass public keys in PEM, as --service-account-key-file has them.',
        docs: 'docs/self-managed.md',
      });
    }
  }
  return judgeRotation([...new Set(wanted)], keys);
}
