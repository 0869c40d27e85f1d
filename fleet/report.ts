import { renderTable } from '../build/markdown-table.ts';
import { assumptions } from './assumptions.ts';
import type { Figures } from './figures.ts';
import { renderPlot } from './plot.ts';
import { type PolicyName, policyNames } from './pods.ts';
import type { Scenario } from './scenarios.ts';

/** One run of the report. */
export interface Run {
  readonly scenario: Scenario;
  readonly policy: PolicyName;
  readonly pods: number;
  readonly figures: Figures;
}

/** A column of the results. */
interface Column {
  readonly head: string;
  readonly toCell: (run: Run) => string;
  /** In the tables of which scenarios it stands. Default all. */
  readonly isFor?: (scenario: Scenario) => boolean;
}

const columns: readonly Column[] = [
  { head: 'Pods', toCell: ({ pods }) => inCount(pods) },
  { head: 'Policy', toCell: ({ policy }) => policy },
  { head: 'Requests', toCell: ({ figures }) => inCount(figures.posts) },
  { head: 'Peak a second', toCell: ({ figures }) => inCount(figures.peakPerSecond) },
  { head: 'p99 a second', toCell: ({ figures }) => inCount(figures.p99PerSecond) },
  {
    head: 'First token: median',
    toCell: ({ figures }) => inSeconds(figures.firstToken.medianMs),
    isFor: ({ isAboutStart = false }) => isAboutStart,
  },
  {
    head: 'p99',
    toCell: ({ figures }) => inSeconds(figures.firstToken.p99Ms),
    isFor: ({ isAboutStart = false }) => isAboutStart,
  },
  {
    head: 'last pod',
    toCell: ({ figures }) =>
      figures.firstToken.unserved === 0 ? inSeconds(figures.firstToken.lastMs) : 'not yet',
    isFor: ({ isAboutStart = false }) => isAboutStart,
  },
  { head: 'Tokens lost', toCell: ({ figures }) => inCount(figures.lost) },
  {
    head: 'Mean time without',
    toCell: ({ figures }) =>
      figures.lost === 0 ? '' : inSeconds(figures.withoutTokenMs / figures.lost),
  },
  {
    head: 'Last pod healed after',
    toCell: ({ figures: { lost, healedMs = 0 } }) => (lost === 0 ? '' : inSeconds(healedMs)),
    isFor: ({ entra }) => entra.outage !== undefined,
  },
];

/** The headings of the table of a scenario. */
export function toHead(scenario: Scenario): readonly string[] {
  return toColumns(scenario).map(({ head }) => head);
}

/** The cells of a run in the table of its scenario. */
export function toRow(run: Run): readonly string[] {
  return toColumns(run.scenario).map(({ toCell }) => toCell(run));
}

function toColumns(scenario: Scenario): readonly Column[] {
  return columns.filter(({ isFor = () => true }) => isFor(scenario));
}

/** The assumptions, as a table. */
export function renderAssumptions(): string {
  return renderTable(
    ['What', 'Value', 'Basis', 'Reason or source'],
    assumptions.map(({ what, value, basis, reason }) => [what, value, basis, reason]),
  );
}

/** The section of a scenario: a sentence, a plot and a table. */
export function renderScenario(scenario: Scenario, runs: readonly Run[]): string {
  return [
    `### ${scenario.title}`,
    scenario.what,
    `![${scenario.title}: requests to Entra a second](fleet/${scenario.name}.svg)`,
    renderTable(toHead(scenario), runs.map(toRow)),
  ].join('\n\n');
}

const colours: Readonly<Record<PolicyName, string>> = {
  ours: '#0a7d32',
  'without jitter': '#c06000',
  upstream: '#7a2fb5',
};

/** The largest fleet of a scenario: the busiest second of each step of time. */
export function renderScenarioPlot(
  { title, fromMs, toMs, entra: { outage } }: Scenario,
  runs: readonly Run[],
  limitPerSecond: number,
): string {
  const pods = Math.max(...runs.map((run) => run.pods));
  // As many steps as the plot has pixels, roughly; at least a second each.
  const stepSeconds = Math.max(1, Math.ceil((toMs - fromMs) / 1_000 / 360));
  return renderPlot({
    title: `${title}: requests a second, ${inCount(pods)} pods`,
    stepMs: stepSeconds * 1_000,
    limit: { name: `limit of the tenant: ${limitPerSecond}`, value: limitPerSecond },
    ...(outage !== undefined && {
      shade: { name: 'outage', fromMs: outage.fromMs - fromMs, toMs: outage.toMs - fromMs },
    }),
    series: policyNames.flatMap((policy) => {
      const run = runs.find((one) => one.policy === policy && one.pods === pods);
      if (run === undefined) return [];
      const { postsPerSecond } = run.figures;
      const steps = Math.ceil((toMs - fromMs) / 1_000 / stepSeconds);
      const values = Array.from({ length: steps }, (_, step) =>
        Math.max(0, ...postsPerSecond.slice(step * stepSeconds, (step + 1) * stepSeconds)),
      );
      return [{ name: policy, colour: colours[policy], values }];
    }),
  });
}

function inCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

function inSeconds(ms: number): string {
  if (!Number.isFinite(ms)) return 'not yet';
  return ms < 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${inCount(ms / 1_000)} s`;
}
