import { parseObject } from '../../proxy/entra/exchange/assertion.ts';
import { metadataAddress, metadataPort } from '../../shared/redirect-contract.ts';
import { toErrorCode } from '../../shared/small-file.ts';
import { createTextFilter } from '../../shared/untrusted-text.ts';
import { type Finding, fail, ok } from '../engine/check.ts';
import { getFrom, type HttpAnswer } from '../network/http-get.ts';

const clean = createTextFilter([]);

/** The default of IMDS_PROXY_ADMIN_PORT. */
const adminPort = 9808;

/**
 * The pass-through of the proxy, as its status page has it.
 * @returns undefined if no page of ours is there
 */
export async function askPassthrough(): Promise<string | undefined> {
  try {
    const path = '/statusz?output=json';
    const { status, text } = await getFrom({ address: '127.0.0.1', port: adminPort }, path, {
      timeoutMs: 2_000,
    });
    const settings = parseObject(text)?.['settings'];
    if (status !== 200 || typeof settings !== 'object' || settings === null) return undefined;
    return String(
      Object.getOwnPropertyDescriptor(settings, 'IMDS_PROXY_PASSTHROUGH')?.value ?? 'instance',
    );
  } catch {
    return undefined;
  }
}

/** Asks for one token as an application does, and drops it. Only for an address that is known to be redirected. */
export async function checkToken(resource: string, timeoutMs: number): Promise<Finding> {
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource });
  const at = { address: metadataAddress, port: metadataPort };
  const docs = 'docs/errors.md#codes';
  let answer: HttpAnswer;
  try {
    answer = await getFrom(at, `/metadata/identity/oauth2/token?${query}`, {
      headers: { Metadata: 'true' },
      timeoutMs,
    });
  } catch (error) {
    return fail(`the proxy gives no answer to a request for a token (${toErrorCode(error)})`, {
      fix: inSidecar,
      docs,
    });
  }
  if (answer.status === 200) return ok(`the application gets a token for ${resource}`);
  const body = parseObject(answer.text);
  const text = clean(String(body?.['error_description'] ?? answer.text), 600);
  return fail(`the proxy refuses a token for ${resource} with status ${answer.status}: ${text}`, {
    evidence: { error: clean(String(body?.['error'] ?? '(none)'), 100) },
    fix: inSidecar,
    docs,
  });
}

const inSidecar =
  'Run the doctor in the sidecar for the cause: kubectl exec POD -c azwi-proxy -- /proxy doctor --exchange';
