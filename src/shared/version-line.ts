import { buildInfo } from './version.ts';

/** The name that Go, and so upstream, has for an architecture. */
const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** What `--version` prints: one line of JSON with upstream's keys; ours names Node where upstream's names Go. */
export function formatVersion(): string {
  const version = {
    buildVersion: buildInfo.version,
    gitCommit: buildInfo.revision,
    buildDate: buildInfo.date,
    nodeVersion: process.version,
    platform: `${process.platform}/${goArchitectures[process.arch] ?? process.arch}`,
  };
  return `${JSON.stringify(version)}\n`;
}
