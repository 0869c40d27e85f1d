import { listAssertionFiles } from '../../proxy/config/exchange-settings.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import { MAX_ASSERTION_BYTES } from '../../proxy/entra/exchange/assertion.ts';
import { readSmallFile, toErrorCode } from '../../shared/small-file.ts';
import type { Collected, CollectedFile } from '../engine/place.ts';
import type { HttpAnswer } from '../network/http-get.ts';
import type { AdminAnswers } from './proxy-checks.ts';

/** The pages of the admin port, and the assertions that none of them may repeat. */
export async function collectFromSidecar(
  config: ProxyConfig,
  { readyz, status, metrics }: AdminAnswers,
): Promise<Collected> {
  const [tokens, ...files] = await Promise.all([
    readAssertions(config),
    toFile('statusz.json', status, (answer) => indent(toPage(answer))),
    // It says why the proxy is not ready with status 503.
    toFile('readyz.txt', readyz, ({ text }) => text),
    toFile('metrics.txt', metrics, toPage),
  ]);
  return { files, tokens };
}

async function readAssertions(config: ProxyConfig): Promise<readonly string[]> {
  const texts = await Promise.all(
    listAssertionFiles(config).map(({ path }) =>
      readSmallFile(path, MAX_ASSERTION_BYTES).catch(() => ''),
    ),
  );
  return texts.map((text) => text.trim()).filter((text) => text !== '');
}

async function toFile(
  name: string,
  ask: () => Promise<HttpAnswer>,
  toText: (answer: HttpAnswer) => string,
): Promise<CollectedFile> {
  try {
    return { name, text: toText(await ask()) };
  } catch (error) {
    return { name, text: `no answer (${toErrorCode(error)})\n` };
  }
}

function toPage({ status, text }: HttpAnswer): string {
  return status === 200 ? text : `status ${status}\n`;
}

/** A value a line, so that a line which is withheld takes no others with it. */
function indent(json: string): string {
  try {
    return `${JSON.stringify(JSON.parse(json), null, 1)}\n`;
  } catch {
    return json;
  }
}
