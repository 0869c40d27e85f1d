/** docs/conformance.md: the numbered requirements, with the tests that stand for each. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Expectation, vectors } from '../test/contract/imds/vectors.ts';
import { code, renderTable } from './markdown-table.ts';

const root = join(import.meta.dirname, '..');

/** A test whose title begins with the numbers of requirements. */
export interface NumberedTest {
  /** Such as `vector 38`, `T13` and `case 7`. */
  readonly requirements: readonly string[];
  /** Path from the root of the project. */
  readonly file: string;
}

const heading = String.raw`T\d+|[Vv]ectors? \d+(?:(?:-|, | and )\d+)*|[Cc]ases? \d+(?:(?:-|, | and )\d+)*`;
const numberedTitle = new RegExp(
  String.raw`(['"\x60])((?:${heading})(?:, (?:${heading}))*)(?: \(wire\))?(?: property)?(?:, |: )`,
  'g',
);

/** Every numbered test of the project, by file and in the order of the file. */
export function findNumberedTests(): readonly NumberedTest[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .toSorted()
    .flatMap((name) => {
      const text = readFileSync(join(root, 'test', name), 'utf8');
      return [...text.matchAll(numberedTitle)].map(([, , numbers = '']) => ({
        requirements: toRequirements(numbers),
        file: `test/${name}`,
      }));
    });
}

/** `T13, vectors 7-9` is T13 and the vectors 7, 8 and 9. */
function toRequirements(numbers: string): readonly string[] {
  return [...numbers.matchAll(new RegExp(heading, 'g'))].flatMap(([part]) => {
    const [, kind = '', list = ''] = /^([a-z]+?)s? (.*)$/i.exec(part) ?? [];
    if (kind === '') return [part];
    return list.split(/, | and /).flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from(
        { length: last - first + 1 },
        (_, index) => `${kind.toLowerCase()} ${first + index}`,
      );
    });
  });
}

const vectorGroups: readonly (readonly [heading: string, first: number, last: number])[] = [
  ['The answer with a token', 1, 6],
  ['Resources', 7, 15],
  ['API versions', 16, 19],
  ['Identity selectors', 20, 32],
  ['Other query parameters and the cache', 33, 38],
  ['The Metadata header', 39, 47],
  ['Headers and connections', 48, 56],
  ['Methods', 57, 59],
  ['Spellings of the path', 60, 65],
  ['Other paths', 66, 74],
  ['Hostile requests', 75, 78],
  ['Failures of Entra and of the pod', 79, 98],
  ['Client libraries', 99, 101],
];

/** The vectors of the token endpoint. */
export function renderVectors(): string {
  const tests = findNumberedTests();
  return vectorGroups
    .map(([title, first, last]) => {
      const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      const rows = numbers.flatMap((number) => toVectorRows(number, tests));
      return `### ${title}\n\n${renderTable(['Vector', 'Request', 'Answer', 'Tests'], rows)}`;
    })
    .join('\n\n');
}

function toVectorRows(number: number, tests: readonly NumberedTest[]): readonly string[][] {
  const links = linksTo(`vector ${number}`, tests);
  const data = vectors.filter((vector) => vector.number === number);
  const rows = data.map(({ title, steps }) => [
    String(number),
    title,
    [...new Set(steps.map((step) => describeAnswer(step.expect)))].join('; '),
    [toLink('test/contract/imds/vectors.test.ts'), links].filter(Boolean).join(', '),
  ]);
  const behaviour = behaviours[number];
  if (behaviour !== undefined) rows.push([String(number), ...behaviour, links || labLink]);
  return rows;
}

const labLink = '[compatibility](compatibility.md)';

/** The vectors about time, faults or the exchange, which are not data: the test, and the answer. */
export const behaviours: Readonly<Record<number, readonly [tested: string, answer: string]>> = {
  5: [
    'a cached token asked for twice, 5 s apart',
    'the same token and expires_on, a smaller expires_in',
  ],
  36: ['bypass_cache=true', '200 with a new token, unless the cached one is at most 10 s old'],
  37: ['50 requests at once with bypass_cache=true', '200 for all, one exchange'],
  38: ['100 requests at once for a token that is not cached', '200 for all, one exchange'],
  54: ['two requests in one packet', 'both answered, in order'],
  75: ['1,000 connections without a byte', 'nothing stays behind'],
  76: ['a request that never ends', 'closed by a timeout; other clients notice nothing'],
  79: [
    'Entra refuses the resource (AADSTS500011)',
    "400 with Entra's error and text, one request to Entra",
  ],
  80: ['Entra answers 401 for the client', '400, never 401, with the error of Entra'],
  81: ['Entra does not know the federated credential yet', '200 after a retry'],
  82: [
    'Entra never knows the federated credential',
    '400 within 5 s, with the command that adds it',
  ],
  83: ['the federated token has expired and is rotated', '200, the file is read again'],
  84: ['Entra answers 500 or 503 with HTML', '503 with a short Retry-After'],
  85: ['Entra accepts the connection and never answers', '503 within 25 s'],
  86: [
    'DNS fails, the connection is refused, TLS fails',
    '503 without internal names and without "unreachable"',
  ],
  87: ['Entra answers 429 with Retry-After: 17', '429 with the same Retry-After'],
  88: ['Entra is down and a valid token is cached', '200 from the cache'],
  89: ['Entra answers 200 without a usable token', '503 or 500, nothing is cached'],
  90: ['the token file does not exist at startup', '503, and 200 as soon as it exists'],
  91: ['the token file is empty or cannot be read', '503 that names the variable'],
  92: [
    'the cached token has 4 minutes left',
    'the refreshed token, or the cached one if the refresh fails',
  ],
  93: ['more requests wait than the proxy allows', '429 with Retry-After for the rest'],
  94: [
    'any error',
    'a JSON object with a non-empty error, without a token and without "unreachable"',
  ],
  95: ['a client disconnects during the exchange', 'other clients that wait get the token'],
  96: ['SIGTERM while requests are in flight', 'they are answered, then the listener closes'],
  97: ['the clocks of Entra and of the node differ', 'expires_on agrees with the local clock'],
  98: ['an access token that is not a JWT', '200'],
  99: ['real client libraries, alone and in a chain of credentials', 'a token'],
  100: [
    'real client libraries with an unknown identity, in a chain',
    'they continue with the next credential',
  ],
  101: ['the parsers of 11 client libraries, ported', 'every one reads the answer'],
};

function describeAnswer(expect: Expectation): string {
  switch (expect.outcome) {
    case 'ok':
      return '200';
    case 'api_version':
      return '400, with versions to try';
    case 'error': {
      const statuses = [expect.status].flat().join(' or ');
      return expect.error === undefined ? statuses : `${statuses} ${code(expect.error)}`;
    }
  }
}

/** What each requirement of the exchange and the cache promises. */
export const exchangeRequirements: Readonly<Record<string, string>> = {
  T1: 'Identity binding is on if AZURE_KUBERNETES_TOKEN_PROXY is set; a setting turns it on or off. A token for the wrong audience is a warning at startup.',
  T2: 'Every variable is checked at startup. An error names the variable and the rule, and never shows user info.',
  T3: 'A CA file and CA data exclude each other, unless the file does not exist: the 1.6.0 webhook sets both.',
  T4: "The token path is appended to the token proxy's URL; escapes and query are kept.",
  T5: 'The TLS server name is AZURE_KUBERNETES_SNI_NAME, and the certificate is verified against it.',
  T6: 'Only the configured CA vouches for the token proxy. An empty or garbled CA is refused at startup.',
  T7: 'A rotated CA file is used by the next exchange. While it is empty, garbled or missing, the last good one is used.',
  T8: 'Entra is reached through the HTTP proxy, except where NO_PROXY matches. The token proxy is not, unless asked for. The metadata address and loopback never are.',
  T9: 'An exchange sends one POST and nothing else: no discovery of instances, metadata or regions.',
  T10: 'Authority URLs are normalised; http is refused; aliases of clouds stay as configured.',
  T11: 'A resource becomes a scope without losing slash or case; malformed resources are refused.',
  T12: 'The federated token is read for each exchange. A missing, empty or unreadable file is retried and named.',
  T13: 'Concurrent requests for one key share one exchange; keys do not wait for each other; a caller that leaves cancels nothing.',
  T14: 'A cached token is served synchronously: no I/O, no timer, no log line.',
  T15: 'When a refresh is due, the cached token is served at once and exactly one refresh runs.',
  T16: 'While Entra is down, a valid token is served. The proxy recovers without a restart.',
  T17: 'No token with less than 30 s of life is served, whatever clocks do; expires_on agrees with the local clock.',
  T18: 'An answer without a usable token is an error, never an empty token.',
  T19: 'A federated credential that has not propagated yet is retried, within 5 s.',
  T20: 'A permanent refusal costs one POST, and requests that follow it are answered from memory.',
  T21: 'A throttled key waits at least as long as Retry-After says, and the client sees the rest of it.',
  T22: 'Every attempt and every exchange has a deadline.',
  T23: 'The memory of the cache is bounded.',
  T24: 'No token, assertion or secret reaches a log, metric or error, at any level.',
  T25: 'No client ever gets the token of another identity or resource.',
  T26: 'At shutdown, requests in flight finish, sockets are closed and timers cleared.',
  T27: 'Readiness and liveness do not depend on Entra; the status shows the last error and the next retry.',
};

/** The requirements of the exchange and the cache. */
export function renderExchangeRequirements(): string {
  const tests = findNumberedTests();
  const rows = Object.entries(exchangeRequirements).map(([number, statement]) => [
    number,
    statement,
    linksTo(number, tests),
  ]);
  return renderTable(['Number', 'Requirement', 'Tests'], rows);
}

/** What each case of the redirect tests. */
export const redirectCases: Readonly<Record<number, string>> = {
  1: 'An application of any user reaches the proxy.',
  2: 'User 1501 reaches the metadata service.',
  3: 'Other ports and other addresses are not redirected.',
  4: 'Repeated runs end in the same rules.',
  5: 'A run with another port replaces the rules.',
  6: '20 runs at once end in one redirect.',
  7: "Rules of upstream's script are replaced.",
  8: 'Foreign rules stay as they are.',
  9: 'Removing succeeds twice, and where there is nothing.',
  10: 'Values that upstream ignores silently are refused.',
  11: 'An empty variable counts as unset.',
  12: 'Lists, networks and ranges are accepted as upstream accepts them.',
  13: 'A missing route is reported as a missing route.',
  14: 'A missing CAP_NET_ADMIN is reported by name.',
  15: 'CAP_NET_ADMIN alone suffices.',
  16: 'iptables-legacy needs CAP_NET_RAW, which is reported by name.',
  17: 'iptables-legacy works with a read-only root file system.',
  18: 'A held xtables lock ends the run after INIT_LOCK_WAIT.',
  19: 'Without nf_tables in the kernel, iptables-legacy is used.',
  20: 'Without any netfilter in the kernel, the run fails.',
  21: 'Missing programs are named; nft alone suffices.',
  22: "A node's network namespace is refused.",
  23: "The redirect holds beside a service mesh's rules.",
  24: 'nft rules win over rules of iptables-legacy.',
  25: 'A counter proves the redirect while the proxy already listens.',
  26: "Somebody else's refusal is not taken as proof.",
  27: 'The guard refuses everything but the proxy, and nothing that the proxy sends.',
  28: 'Turning the guard off removes it.',
  29: 'A redirected connection survives a second run.',
  30: 'The run needs no DNS.',
  31: 'Printing the rules needs no privileges, and the kernel accepts them.',
  32: 'A kill at any moment leaves no redirect or a whole one.',
  33: 'User 1501 of a user namespace is exempt.',
  34: 'The exemption by user and group, by alias port, and none.',
  35: 'A proxy in another network namespace is reached.',
  36: 'A proxy with the wrong user notices its own request and stops.',
  37: 'The proxy is reached whatever /etc/hosts says about localhost.',
  38: 'The failure message reaches the termination log.',
};

/** The cases of the redirect. */
export function renderRedirectCases(): string {
  const tests = findNumberedTests();
  const rows = Object.entries(redirectCases).map(([number, statement]) => [
    number,
    statement,
    linksTo(`case ${number}`, tests),
  ]);
  return renderTable(['Case', 'Requirement', 'Tests'], rows);
}

function linksTo(requirement: string, tests: readonly NumberedTest[]): string {
  const files = tests
    .filter(({ requirements }) => requirements.includes(requirement))
    .map(({ file }) => file);
  return [...new Set(files)].map(toLink).join(', ');
}

function toLink(file: string): string {
  return `[${file.replace(/^test\/|\.test\.ts$/g, '')}](../${file})`;
}
