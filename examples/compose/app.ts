/**
 * An application that was written for Azure virtual machines: it asks the instance metadata service for
 * tokens through @azure/identity, and knows nothing of proxies or federation.
 */
import { ManagedIdentityCredential } from '@azure/identity';

const resources = ['https://vault.azure.net', 'https://storage.azure.com'];
const intervalMs = 10_000;

const credential = new ManagedIdentityCredential();
process.once('SIGTERM', () => process.exit(0));

async function askForAll(): Promise<void> {
  for (const resource of resources) {
    const startedAt = performance.now();
    try {
      const { token, expiresOnTimestamp } = await credential.getToken(`${resource}/.default`);
      const [, payload = ''] = token.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
      const ms = Math.round(performance.now() - startedAt);
      const until = new Date(expiresOnTimestamp).toISOString();
      console.log(`token for ${claims.aud} as ${claims.appid}, valid until ${until}, in ${ms} ms`);
    } catch (error) {
      console.error(`no token for ${resource}: ${error instanceof Error ? error.message : error}`);
    }
  }
  setTimeout(askForAll, intervalMs);
}

void askForAll();
