/**
 * Writes deploy/monitoring. A contract test fails when the files differ from what this would write: `npm run
 * docs` brings them up to date.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderDashboard } from './dashboard.ts';
import { renderPrometheusRule, renderRuleFile } from './rules.ts';
import { renderAzureConfigMap, renderPodMonitor, renderScrapeConfig } from './scraping.ts';

const folder = join(import.meta.dirname, '../../deploy/monitoring');

/** The files by their names. */
export function renderMonitoring(): ReadonlyMap<string, string> {
  return new Map([
    ['rules.yaml', renderRuleFile()],
    ['prometheus-rules.yaml', renderPrometheusRule()],
    ['pod-monitor.yaml', renderPodMonitor()],
    ['scrape-config.yaml', renderScrapeConfig()],
    ['ama-metrics-prometheus-config.yaml', renderAzureConfigMap()],
    ['dashboard.json', renderDashboard()],
  ]);
}

if (import.meta.main) {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of renderMonitoring()) await writeFile(join(folder, name), text);
}
