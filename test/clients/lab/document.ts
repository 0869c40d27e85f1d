import { code, renderTable } from '../../../build/markdown-table.ts';
import { clients } from './catalogue.ts';
import type { Client } from './client.ts';
import type { Verdict } from './judge.ts';
import type { Kept, Laboratory } from './laboratory.ts';
import { marks } from './marks.ts';
import { type ScenarioName, scenarioNames, scenarios } from './scenarios.ts';

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

This page is written by the laboratory, \`npm run test:clients -- --report\`. There every library runs
unchanged, by its public interface alone, in a network namespace of its own: it asks 169.254.169.254, the rules
of \`proxy-init\` redirect that to the built proxy, which runs as user 1501, and the proxy asks an emulated Entra.
Every token that a library hands out is checked for its signature, issuer, audience and client ID. Behind the
redirect stands the metadata service of a node, whose tokens count as wrong. What each client is made of is kept in
\`test/clients/locks\`.

This is one run, of the proxy built from commit ${laboratory.proxyCommit.slice(0, 12)}, with ${ran.length} of ${clients.length} clients
(${libraries.size} libraries in ${languages.size} languages) in ${Math.round(laboratory.seconds / 60)} minutes, ${laboratory.jobs} at a time on ${laboratory.cores} cores. ${count('passed')} times a client
did as the scenario expects, ${count('caveat')} times otherwise in a way that is known of it (see below), and ${count('failed')} times neither.
Skipped: ${laboratory.skipped.join(', ') || 'none'}. What each client sends is kept in \`test/fixtures/clients/requests\` and asked
of the proxy again by \`npm test\`.

## Results

- **ok**: as expected.
- **own**: otherwise, as is known of this client; see [below](#what-clients-do-of-their-own-accord).
- **FAIL**: otherwise, and not explained.
- **–**: the library does not offer that.

${renderResults(laboratory)}

The columns:

${scenarioNames.map((name) => `- **${scenarios[name].title}**: ${scenarios[name].explanation}`).join('\n')}

## How long they take

Milliseconds from the start of the program to its end, the start of its runtime included, of the same run. Where
Entra is down for 3 seconds a client is done soon after that if it heeds \`Retry-After\`.

${renderTimes(laboratory)}

## What a refusal looks like

Where Entra refuses for good, as it does for a client ID that it does not know, the proxy answers 400 with Entra's
own words and a hint. What an application sees of that:

${renderRefusals()}

## What clients do of their own accord

The behaviour is what the laboratory has seen. Reasons that lie inside a library are read from its behaviour and
its messages, and not proven here. Some are seen now and then only, so that a run may show **ok** there.

${renderCaveats()}
`;
}

function renderResults(laboratory: Laboratory): string {
  return renderMatrix(laboratory, ({ verdicts }, scenario) => {
    const verdict = verdicts[scenario];
    return verdict === undefined ? '' : marks[verdict];
  });
}

function renderTimes(laboratory: Laboratory): string {
  return renderMatrix(laboratory, ({ ms }, scenario) => `${ms[scenario] ?? '–'}`);
}

function renderMatrix(
  laboratory: Laboratory,
  toCell: (kept: Kept, scenario: ScenarioName) => string,
): string {
  const rows = clients.flatMap((client) => {
    const kept = laboratory.clients[client.id];
    if (kept === undefined) return [];
    return [[toName(client), ...scenarioNames.map((scenario) => toCell(kept, scenario))]];
  });
  return renderTable(['Client', ...scenarioNames.map((name) => scenarios[name].title)], rows);
}

function renderRefusals(): string {
  const rows = clients.flatMap((client) => {
    if (client.refusal === undefined) return [];
    const { error, isExplained = true } = client.refusal;
    return [[toName(client), code(error), isExplained ? 'yes' : 'no']];
  });
  return renderTable(['Client', 'Error', 'Shows Entra’s words and the hint'], rows);
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

function toName({ language, library, title, version, program, distribution }: Client): string {
  const short = library.split('/').slice(-1)[0] ?? library;
  const name = title ?? (library.startsWith('@') ? library : short);
  const flavour = program.endsWith('-aio') ? ' (aio)' : '';
  const origin = distribution === undefined ? '' : ` (${distribution})`;
  return `${language}: ${name}${flavour}${origin} ${version}`;
}
