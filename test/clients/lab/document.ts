import { code, renderTable } from '../../../build/markdown-table.ts';
import { clients } from './catalogue.ts';
import { type Client, canPlay, toScenario } from './client.ts';
import type { Verdict } from './judge.ts';
import type { Build, Kept, Laboratory } from './laboratory.ts';
import { marks } from './marks.ts';
import { findPeculiarities, readRecording } from './requests-table.ts';
import { type ScenarioName, scenarios, usualScenarioNames } from './scenarios.ts';

/** docs/compatibility.md, of a run and the catalogue. */
export function renderDocument(laboratory: Laboratory): string {
  const ran = clients.filter(({ id }) => laboratory.clients[id] !== undefined);
  const libraries = new Set(ran.map(({ language, library }) => `${language} ${library}`));
  const languages = new Set(ran.map(({ language }) => language));
  const count = (verdict: Verdict): number =>
    Object.values(laboratory.clients)
      .flatMap(({ verdicts }) => Object.values(verdicts))
      .filter((one) => one === verdict).length;
  return `# Which clients work

The client laboratory, \`npm run test:clients -- --report\`, writes this page. It runs every library unchanged, by its
public interface alone, in a separate network namespace. The library requests its tokens from 169.254.169.254. The
rules of \`proxy-init\` redirect that to the built proxy, which runs as user 1501, and the proxy exchanges tokens at an
emulated Entra. The laboratory checks the signature, issuer, audience and client ID of every token. The node has a
metadata service too, behind the redirect; a token of that service counts as wrong. \`test/clients/locks\` has the
versions of all packages.

The laboratory has ${clients.length} clients (${libraries.size} libraries in ${languages.size} languages). ${count('passed')} times a client did as the scenario
expects, ${count('caveat')} times otherwise in a way that is known of it (see below), and ${count('failed')} times neither. Each result is
of the client's last run:

${renderBuilds(laboratory)}

\`test/fixtures/clients/requests\` has the requests of each client, and \`npm test\` sends them to the proxy again.

## Results

- **ok**: as expected.
- **own**: otherwise, as is known of this client; see [below](#known-differences).
- **FAIL**: otherwise, and not explained.
- **–**: the library does not offer that.

${renderResults(laboratory)}

The columns:

${usualScenarioNames.map((name) => `- **${scenarios[name].title}**: ${scenarios[name].explanation}`).join('\n')}

## How long they take

Milliseconds from the start of the program to its end, the start of its runtime included, of the same runs. Where
Entra is down for 3 seconds, a client that honours \`Retry-After\` is done soon after that.

${renderTimes(laboratory)}

## Which clients outlive an outage of 25 seconds

Entra answers 503 for 25 seconds, and there is no token in the cache. The proxy tries again by itself within each
request, for 3.4 s ([Caching](caching.md)), and then answers 503 with \`Retry-After\`. The rest is up to the client: some ask
again until there is a token, others give up. An application whose client gives up must ask again itself. A client that
hands out no token is one that reads a secret or a blob with it.

${renderOutages(laboratory)}

## What a refusal looks like

Where Entra refuses permanently, as it does for a client ID that it does not know, the proxy answers 400 with Entra's
own words and a hint. Applications see this:

${renderRefusals()}

## How their requests differ

From the recorded requests. A probe is a request without the header \`Metadata\`, to which IMDS answers 400.

${renderPeculiarities()}

## Known differences

The laboratory has seen this behaviour. The reasons inside a library are concluded from its behaviour and its
messages. Some differences show now and then only, so a run may have **ok** there.

${renderCaveats()}
`;
}

function renderBuilds({ clients: kept }: Laboratory): string {
  const results = Object.values(kept);
  const outages = results.flatMap(({ outage }) => outage ?? []);
  return renderTable(
    ['Clients', 'Scenarios', 'Proxy', 'Commit', 'Date'],
    [...countBuilds(results, 'usual'), ...countBuilds(outages, 'outage of 25 seconds')],
  );
}

function countBuilds(builds: readonly Build[], scenarios: string): readonly string[][] {
  const counts = new Map<string, number>();
  for (const { proxyVersion, proxyCommit, date } of builds) {
    const key = [proxyVersion, proxyCommit.slice(0, 12), date].join(' ');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => [`${count}`, scenarios, ...key.split(' ')]);
}

function renderResults(laboratory: Laboratory): string {
  return renderMatrix(laboratory, (client, { verdicts }, scenario) => {
    // A scenario may be younger than the last run of a client that cannot play it.
    const verdict = canPlay(client, scenario) ? verdicts[scenario] : 'not offered';
    return verdict === undefined ? '' : marks[verdict];
  });
}

function renderTimes(laboratory: Laboratory): string {
  return renderMatrix(laboratory, (_, { ms }, scenario) => `${ms[scenario] ?? '–'}`);
}

function renderMatrix(
  laboratory: Laboratory,
  toCell: (client: Client, kept: Kept, scenario: ScenarioName) => string,
): string {
  const rows = clients.flatMap((client) => {
    const kept = laboratory.clients[client.id];
    if (kept === undefined) return [];
    return [
      [toName(client), ...usualScenarioNames.map((scenario) => toCell(client, kept, scenario))],
    ];
  });
  return renderTable(['Client', ...usualScenarioNames.map((name) => scenarios[name].title)], rows);
}

function renderOutages({ clients: kept }: Laboratory): string {
  const rows = clients.flatMap((client) => {
    const outage = kept[client.id]?.outage;
    if (outage === undefined) return [];
    const { verdict, ms, requests } = outage;
    const result = verdict === 'passed' ? toScenario(client, 'outage').expected : marks[verdict];
    return [[toName(client), result, `${(ms / 1_000).toFixed(1)}`, `${requests}`]];
  });
  return renderTable(['Client', 'Result', 'After (s)', 'Requests'], rows);
}

function renderRefusals(): string {
  const rows = clients.flatMap((client) => {
    if (client.refusal === undefined) return [];
    const { error, isExplained = true } = client.refusal;
    return [[toName(client), code(error), isExplained ? 'yes' : 'no']];
  });
  return renderTable(['Client', 'Error', 'Shows Entra’s words and the hint'], rows);
}

function renderPeculiarities(): string {
  const rows = clients.map((client) => {
    const found = findPeculiarities(readRecording(client));
    const yes = (isSo: boolean): string => (isSo ? 'yes' : '');
    return [
      toName(client),
      found.selectors.map(code).join(', '),
      yes(found.isIdentityFirst),
      yes(found.hasProbe),
      yes(found.hasLowerCaseHeaders),
      yes(!found.hasUserAgent),
    ];
  });
  const columns = ['Selects by', 'Identity first', 'Probe', 'Lower-case headers', 'No User-Agent'];
  return renderTable(['Client', ...columns], rows);
}

function renderCaveats(): string {
  return clients
    .flatMap((client) => {
      const caveats = Object.entries(client.caveats ?? {}).map(
        ([scenario, { because }]) =>
          `- **${scenarios[scenario as ScenarioName].title}**: ${because}`,
      );
      const lines = [...(client.remark === undefined ? [] : [client.remark, '']), ...caveats];
      return lines.length === 0 ? [] : [`### ${toName(client)}\n\n${lines.join('\n').trim()}`];
    })
    .join('\n\n');
}

function toName({ language, library, title, version, program, ecosystem }: Client): string {
  const short = library.split('/').slice(-1)[0] ?? library;
  const name = title ?? (library.startsWith('@') ? library : short);
  const flavour = program.endsWith('-aio') ? ' (aio)' : '';
  const origin = ecosystem === 'Debian' ? ' (Debian)' : '';
  return `${language}: ${name}${flavour}${origin} ${version}`;
}
