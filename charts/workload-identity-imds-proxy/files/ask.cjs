// Run by `helm test` in a pod that the policies have injected: asks for a token as an application does, and names the
// fault. It prints no token. Variables: RESOURCE, CLIENT_ID (may be empty), METADATA (for the tests of this file).

'use strict';
const { RESOURCE, CLIENT_ID, METADATA = 'http://169.254.169.254' } = process.env;
const serverOfProxy = /\(workload-identity-imds-proxy\)$/;
const timeoutMs = 30_000;

/** What is wrong, and what to do. */
class Fault extends Error {}

async function ask(path) {
  let response;
  try {
    response = await fetch(`${METADATA}${path}`, {
      headers: { Metadata: 'true' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const reason = error.cause?.code ?? error.name;
    throw new Fault(
      `no answer from ${METADATA} (${reason}): the pod has no redirect, or its proxy does not run; see its init containers: kubectl describe pod`,
    );
  }
  if (!serverOfProxy.test(response.headers.get('server') ?? '')) {
    throw new Fault(
      `${METADATA} was answered by another program, probably the metadata service of the node: the pod was not injected by this release; see that policies and bindings exist: kubectl get mutatingadmissionpolicybindings`,
    );
  }
  return response;
}

/** The answer as an object; a text that is not JSON counts as an empty one. */
async function readJson(response) {
  try {
    return JSON.parse(await response.text()) ?? {};
  } catch {
    return {};
  }
}

async function main() {
  await ask('/readyz');
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource: RESOURCE });
  if (CLIENT_ID) query.set('client_id', CLIENT_ID);
  const response = await ask(`/metadata/identity/oauth2/token?${query}`);
  const answer = await readJson(response);
  if (response.status !== 200) {
    const text = answer.error_description ?? 'no description';
    throw new Fault(`status ${response.status}, ${answer.error}: ${text}`);
  }
  if (typeof answer.access_token !== 'string' || answer.access_token === '') {
    throw new Fault('status 200 without a token; look at the log of azwi-proxy');
  }
  return `ok: a token for ${RESOURCE} as client ${answer.client_id}, valid for ${answer.expires_in} s`;
}

main().then(
  (text) => {
    process.stdout.write(`${text}\n`);
  },
  (error) => {
    process.stdout.write(`failed: ${error instanceof Fault ? error.message : error.stack}\n`);
    process.exitCode = 1;
  },
);
