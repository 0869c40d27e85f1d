import { setTimeout as delay } from 'node:timers/promises';
import { rssAnonOf } from '../harness/proc.ts';
import { median, repeat } from '../harness/statistics.ts';
import type { Lab } from '../lab.ts';
import { inMib, type Result, toValueResult } from '../report/result.ts';
import { askToken } from './first-token.ts';

const sampleIntervalMs = 3;
const watchedMs = 3000;
const mostBytes = 21 * 2 ** 20;

const row = {
  measure: 'peak anonymous memory during start and first token',
  method: `Anonymous pages (RssAnon) of all processes together, read about every ${sampleIntervalMs} ms from the exec until ${watchedMs / 1000} s later; the token is asked for as soon as the proxy is ready.`,
  aim: '≤ 21 MiB',
};

/** The most memory that a fresh proxy holds at any moment. */
export async function measurePeak(lab: Lab): Promise<readonly Result[]> {
  const peaks = await repeat(lab.counts.peaks, () => peakBytes(lab));
  return [
    toValueResult(row, Math.max(...peaks), inMib, mostBytes, [
      `The highest of ${peaks.length} starts; median ${inMib(median(peaks))}.`,
    ]),
  ];
}

async function peakBytes(lab: Lab): Promise<number> {
  await using proxy = await lab.prepareProxy();
  const startedAt = proxy.start();
  const token = proxy.ready().then(() => askToken(lab, proxy.port));
  let peak = 0;
  while (performance.now() < startedAt + watchedMs) {
    peak = Math.max(peak, rssAnonOf(proxy.pid));
    await delay(sampleIntervalMs);
  }
  await token;
  return peak;
}
