import { toJsonAnswer } from '../http/wire-answer.ts';
import type { AzureService, ServiceAnswer, ServiceRequest } from './service.ts';

const resource = 'https://vault.azure.net';
const version = '0123456789abcdef0123456789abcdef';
/** When all secrets were made. */
const madeAtSeconds = 1_700_000_000;

/**
 * A Key Vault from which secrets can be read. Its libraries insist that it is in the vault domain, send the
 * first request without a token, and learn from the challenge which one to get.
 */
export function createKeyVault({
  name,
  tenantId,
  secrets,
  readers,
}: {
  readonly name: string;
  readonly tenantId: string;
  /** Values by name. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Client IDs of those that may read. */
  readonly readers: readonly string[];
}): AzureService {
  const host = `${name}.vault.azure.net`;
  const values = new Map(Object.entries(secrets));

  const answer = ({ method, url, clientId }: ServiceRequest): ServiceAnswer => {
    if (!readers.includes(clientId)) {
      return toError(403, 'Forbidden', `appid=${clientId} may not read secrets`);
    }
    if (!url.searchParams.has('api-version')) {
      return toError(400, 'BadParameter', 'api-version must be specified');
    }
    const [, secret = ''] = /^\/secrets\/([^/]+)(?:\/[^/]*)?$/.exec(url.pathname) ?? [];
    const value = values.get(secret);
    if (method !== 'GET' || value === undefined) {
      return toError(404, 'SecretNotFound', `${method} ${url.pathname} finds no secret`);
    }
    return toJsonAnswer(200, {
      value,
      id: `https://${host}/secrets/${secret}/${version}`,
      attributes: { enabled: true, created: madeAtSeconds, updated: madeAtSeconds },
    });
  };

  return {
    host,
    audiences: [resource],
    answer,
    challenge: (why) => ({
      ...toError(401, 'Unauthorized', `AKV10000: ${why}`),
      headers: {
        'WWW-Authenticate': `Bearer authorization="https://login.microsoftonline.com/${tenantId}", resource="${resource}"`,
      },
    }),
  };
}

function toError(status: number, code: string, message: string): ServiceAnswer {
  return toJsonAnswer(status, { error: { code, message } });
}
