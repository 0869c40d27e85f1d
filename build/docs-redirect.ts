/**
 * Writes the parts of docs/redirect.md that follow from the program: its help, its failures, its
 * output and its rules in the kernel with each backend. The last needs root, Linux and a build in dist/.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BackendName, backendNames } from '../src/init/backends/backend.ts';
import { failures } from '../src/init/failures.ts';
import { formatHelp } from '../src/init/options.ts';
import { createNamespace, type Namespace } from '../test/support/netns.ts';
import { proxyInit } from '../test/support/netns-lab.ts';
import { applySection, type GeneratedSection } from './docs.ts';

const file = 'docs/redirect.md';

/** The parts that need no kernel. */
export const redirectSections: readonly GeneratedSection[] = [
  { file, name: 'help', render: () => toBlock('text', formatHelp().trimEnd()) },
  { file, name: 'failures', render: renderFailures },
];

/** Runs the program in new namespaces. @throws where these cannot be had */
export async function renderTranscript(): Promise<string> {
  const parts: string[] = [];
  for (const backend of backendNames) {
    parts.push(`### ${backend}`, toBlock('console', await recordBackend(backend)));
  }
  return [...parts, '### When it fails', toBlock('console', await recordFailures())].join('\n\n');
}

/** What the document should be. */
export async function renderRedirectDocument(): Promise<string> {
  const transcript = await renderTranscript();
  const sections = [...redirectSections, { file, name: 'transcript', render: () => transcript }];
  const document = await readFile(join(import.meta.dirname, '..', file), 'utf8');
  return sections.reduce(applySection, document);
}

function renderFailures(): string {
  const rows = Object.values(failures).map(({ cause, message, exitCode, ...row }) => {
    const remedy = 'remedy' in row ? row.remedy : '';
    return `| ${[exitCode, cause, `\`${message}\``, remedy].map((cell) => `${cell}`.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '| Exit | Cause | Message | What else to know |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const listings: Readonly<Record<BackendName, readonly string[]>> = {
  iptables: ['iptables-nft -t nat -S', 'iptables-nft -t filter -S', 'iptables-nft -t mangle -S'],
  nft: ['nft -s list table ip azwi_proxy'],
  'iptables-legacy': [
    'iptables-legacy -t nat -S',
    'iptables-legacy -t filter -S',
    'iptables-legacy -t mangle -S',
  ],
};

async function recordBackend(backend: BackendName): Promise<string> {
  return inPod(async (record) => {
    const settings = `INIT_BACKEND=${backend} INIT_GUARD=imds`;
    await record(`${settings} proxy-init print`);
    await record(`${settings} proxy-init`);
    for (const listing of listings[backend]) await record(listing);
    await record(`${settings} proxy-init check`);
    await record(`${settings} PROXY_PORT=9000 proxy-init check`);
    await record('proxy-init remove');
    await record('proxy-init remove');
  });
}

async function recordFailures(): Promise<string> {
  return inPod(async (record, pod) => {
    await record('PROXY_PORT=abc METADATA_IP=nosuch.invalid proxy-init');
    await record('INIT_LOG_FORMAT=json proxy-init check', (text) =>
      text.replace(/"timestamp":"[^"]*"/, '"timestamp":"2026-01-01T00:00:00.000000Z"'),
    );
    await record('setpriv --bounding-set=-all --inh-caps=-all proxy-init');
    await pod.must(['ip', 'route', 'del', 'local', '169.254.169.254/32']);
    await record('INIT_ROUTE=off proxy-init');
    await record('INIT_FORWARDED=redirect proxy-init');
  });
}

type Recorder = (line: string, tidy?: (output: string) => string) => Promise<void>;

/** Runs commands in a namespace where the metadata address leads to the namespace itself. */
async function inPod(act: (record: Recorder, pod: Namespace) => Promise<void>): Promise<string> {
  const pod = await createNamespace();
  const lines: string[] = [];
  try {
    await pod.must(['ip', 'route', 'add', 'local', '169.254.169.254/32', 'dev', 'lo']);
    await act(async (line, tidy = (output) => output) => {
      const command = line.replace('proxy-init', proxyInit);
      const { exitCode, stdout, stderr } = await pod.run(['sh', '-c', `exec 2>&1; ${command}`]);
      lines.push(`$ ${line}`, tidy(`${stdout}${stderr}`).trimEnd());
      if (exitCode !== 0) lines.push(`$ echo $?\n${exitCode}`);
    }, pod);
  } finally {
    await pod.remove();
  }
  return lines.join('\n');
}

function toBlock(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

if (import.meta.main) {
  await writeFile(join(import.meta.dirname, '..', file), await renderRedirectDocument());
}
