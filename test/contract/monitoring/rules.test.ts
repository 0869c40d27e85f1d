/** What makes each alert of deploy/monitoring fire, and what does not, evaluated by promtool. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { alerts } from '../../../build/monitoring/alerts.ts';
import { recordingRules } from '../../../build/monitoring/recording-rules.ts';
import type { ExchangeFailure, MetricsState } from '../../../src/proxy/metrics/metrics.ts';
import type { FailingKey } from '../../../src/proxy/token/cache-status.ts';
import {
  emptyCache,
  evaluateRules,
  type FiringAlert,
  type Found,
  type Minute,
  type PromtoolSample,
  renewedAt,
  type Scenario,
  secondsAt,
  withoutPromtool,
} from '../../support/promtool.ts';
import { describeUnless } from '../../support/skip.ts';

const rules = readFileSync(
  join(import.meta.dirname, '../../../deploy/monitoring/rules.yaml'),
  'utf8',
);
const names = alerts.map(({ alert }) => alert);

const idle: Minute = () => {};
const succeeded: Minute = (metrics) => metrics.exchange('success', 100);
const failed =
  (result: ExchangeFailure): Minute =>
  (metrics) =>
    metrics.exchange(result, 100, result === 'rejected' ? 700_213 : undefined);
const refused = failed('rejected');

/** So many times in a minute. */
const times =
  (count: number, act: NonNullable<Minute>): NonNullable<Minute> =>
  (metrics) => {
    for (let index = 0; index < count; index += 1) act(metrics);
  };

/** Requests of which the given number gets an error. */
const asked =
  ({ all, failing }: { readonly all: number; readonly failing: number }): Minute =>
  (metrics) => {
    times(all - failing, (it) => it.cache('hit'))(metrics);
    times(failing, (it) => {
      it.cache('negative');
      it.tokenRequestFailed('ERR_REJECTED');
    })(metrics);
  };

/** The cache of a proxy whose token cannot be refreshed. */
const failingUntil = (expiresAtMinute: number): Partial<MetricsState> => ({
  cache: {
    ...emptyCache,
    tokens: 1,
    entries: 1,
    earliestExpiresAtSeconds: secondsAt(expiresAtMinute),
    earliestFailingExpiresAtSeconds: secondsAt(expiresAtMinute),
  },
});

/** A token file that was issued at a minute with an hour of life, and is never renewed. */
const issuedAt = (minute: number) => ({
  file: 'default',
  isUsable: true,
  issuedAtSeconds: secondsAt(minute),
  expiresAtSeconds: secondsAt(minute + 60),
});
const unusable = { ...issuedAt(0), isUsable: false };

const proxy = 'container="azwi-proxy",namespace="n",pod="a"';
const init = 'container="azwi-proxy-init",namespace="n",pod="a"';
const restarts = `kube_pod_container_status_restarts_total{${proxy}}`;
const nativeRestarts = `kube_pod_init_container_status_restarts_total{${proxy}}`;
const outOfMemory = `kube_pod_container_status_last_terminated_reason{${proxy},reason="OOMKilled"}`;
const nativeOutOfMemory = `kube_pod_init_container_status_last_terminated_reason{${proxy},reason="OOMKilled"}`;
const waiting = `kube_pod_init_container_status_waiting_reason{${init},reason="CrashLoopBackOff"}`;
const ended = (reason: string): string =>
  `kube_pod_init_container_status_terminated_reason{${init},reason="${reason}"}`;
const running = `kube_pod_container_status_running{${proxy}}`;
const nativeRunning = `kube_pod_init_container_status_running{${proxy}}`;

/** Two pods and nothing but their versions: a day has many minutes. */
function toVersions(first: string, secondAt: (minute: number) => string): Scenario {
  const of = (pod: string, version: string): string =>
    `imds_proxy_build_info{namespace="n",pod="${pod}",version="${version}"}`;
  return {
    minuteAt: () => undefined,
    others: (minute) => ({ [of('a', first)]: 1, [of('b', secondAt(minute))]: 1 }),
  };
}

/** A scenario, and the minute to look at. */
type Case = readonly [what: string, scenario: Scenario, minute: number];

interface Cases {
  readonly fires: readonly Case[];
  readonly silent: readonly Case[];
}

const casesOf: Readonly<Record<string, Cases>> = {
  ImdsProxyTokenExpiring: {
    fires: [
      ['25 minutes before', { stateAt: () => failingUntil(45) }, 20],
      ['a minute before', { stateAt: () => failingUntil(45) }, 44],
    ],
    silent: [
      ['35 minutes before', { stateAt: () => failingUntil(45) }, 10],
      [
        'after two minutes of failing refreshes',
        { stateAt: (minute) => (minute >= 18 ? failingUntil(45) : {}) },
        20,
      ],
      [
        'when the refresh works again',
        { stateAt: (minute) => (minute < 20 ? failingUntil(45) : {}) },
        21,
      ],
    ],
  },
  ImdsProxyTokenRequestsFailing: {
    fires: [
      ['one of ten', { minuteAt: () => asked({ all: 10, failing: 1 }) }, 20],
      ['all', { minuteAt: () => asked({ all: 10, failing: 10 }) }, 20],
      ['all, and few', { minuteAt: () => asked({ all: 1, failing: 1 }) }, 20],
    ],
    silent: [
      ['one of a hundred', { minuteAt: () => asked({ all: 100, failing: 1 }) }, 60],
      ['no requests', {}, 20],
      [
        'all, for five minutes',
        {
          minuteAt: (minute) => asked({ all: 10, failing: minute >= 20 && minute < 25 ? 10 : 0 }),
        },
        27,
      ],
    ],
  },
  ImdsProxyExchangesRejected: {
    fires: [15, 29, 47, 60].flatMap((minute): readonly Case[] => [
      [
        'an application that asks every 30 minutes',
        { minuteAt: (at) => (at % 30 === 1 ? refused : idle) },
        minute,
      ],
      [
        'a container that is restarted after each failure, with a wait of 20 minutes',
        { minuteAt: (at) => (at % 21 === 1 ? refused : undefined) },
        minute,
      ],
      [
        'a Job whose pods fail one after the other',
        {
          podAt: (at) => `job-${Math.floor(at / 6)}`,
          minuteAt: (at) => (at % 6 === 1 ? refused : undefined),
        },
        minute,
      ],
      [
        'an identity that fails among requests that need no exchange',
        { minuteAt: (at) => (at % 10 === 1 ? refused : (it) => it.cache('hit')) },
        minute,
      ],
    ]),
    silent: [
      [
        'a failure that a retry made good',
        {
          minuteAt: (minute) =>
            minute === 5
              ? (metrics) => {
                  metrics.exchange('rejected', 100, 700_213);
                  metrics.exchange('success', 100);
                }
              : idle,
        },
        30,
      ],
      ['a refusal that ended', { minuteAt: (minute) => (minute < 20 ? refused : succeeded) }, 21],
      [
        'one failure more than an hour ago',
        { minuteAt: (minute) => (minute === 1 ? refused : idle) },
        75,
      ],
    ],
  },
  ImdsProxyEntraUnreachable: {
    fires: [
      ['no answer', { minuteAt: () => failed('unavailable') }, 15],
      ['no answer in time', { minuteAt: () => failed('timeout') }, 15],
    ],
    silent: [
      ['for five minutes', { minuteAt: (at) => (at > 10 ? failed('timeout') : idle) }, 16],
      ['an outage that ended', { minuteAt: (at) => (at < 20 ? failed('timeout') : succeeded) }, 21],
    ],
  },
  ImdsProxyThrottled: {
    fires: [['for 15 minutes', { minuteAt: () => failed('throttled') }, 15]],
    silent: [
      [
        'now and then, with success in between',
        { minuteAt: (at) => (at % 2 === 0 ? failed('throttled') : succeeded) },
        30,
      ],
    ],
  },
  ImdsProxyFederatedTokenUnusable: {
    fires: [
      ['for 15 minutes', { stateAt: () => ({ tokenFiles: [unusable] }) }, 15],
      [
        'one of two files',
        { stateAt: () => ({ tokenFiles: [renewedAt(0), { ...unusable, file: 'identities-2' }] }) },
        15,
      ],
    ],
    silent: [
      [
        'for five minutes after the start',
        { stateAt: (minute) => ({ tokenFiles: [minute < 5 ? unusable : renewedAt(minute)] }) },
        12,
      ],
    ],
  },
  ImdsProxyFederatedTokenStale: {
    fires: [
      ['an idle proxy', { stateAt: () => ({ tokenFiles: [issuedAt(0)] }) }, 59],
      [
        'a busy proxy whose exchanges succeed',
        { minuteAt: () => succeeded, stateAt: () => ({ tokenFiles: [issuedAt(0)] }) },
        59,
      ],
    ],
    silent: [
      [
        'renewed late, with five minutes to spare',
        { stateAt: () => ({ tokenFiles: [issuedAt(0)] }) },
        55,
      ],
      [
        'renewed in time, while the proxy makes no exchange',
        { stateAt: (minute) => ({ tokenFiles: [renewedAt(minute)] }) },
        300,
      ],
      [
        'without a time of issue',
        { stateAt: () => ({ tokenFiles: [{ ...issuedAt(0), issuedAtSeconds: undefined }] }) },
        59,
      ],
    ],
  },
  ImdsProxyInternalError: {
    fires: [['for ten minutes', { minuteAt: () => failed('internal_error') }, 10]],
    silent: [
      [
        'once, then success',
        { minuteAt: (at) => (at < 3 ? failed('internal_error') : succeeded) },
        10,
      ],
    ],
  },
  ImdsProxyNoIdentity: {
    fires: [
      [
        'an application that asked before the first scrape',
        {
          minuteAt: (at) => (at === 0 ? (it) => it.denied('identity') : idle),
          stateAt: () => ({ hasDefaultIdentity: false }),
        },
        5,
      ],
    ],
    silent: [
      [
        'a pod with a client ID',
        { minuteAt: (at) => (at === 0 ? (it) => it.denied('identity') : idle) },
        5,
      ],
      ['an application that never asks', { stateAt: () => ({ hasDefaultIdentity: false }) }, 5],
      [
        'an application that asked two hours ago',
        {
          minuteAt: (at) => (at === 0 ? (it) => it.denied('identity') : idle),
          stateAt: () => ({ hasDefaultIdentity: false }),
        },
        120,
      ],
    ],
  },
  ImdsProxyRequestsDenied: {
    fires: [
      ['a strange host', { minuteAt: () => (it) => it.denied('host') }, 15],
      [
        'a resource off the list',
        { minuteAt: (at) => (at % 5 === 0 ? (it) => it.denied('allow_list') : idle) },
        59,
      ],
      [
        'no Metadata header, every minute',
        { minuteAt: () => (it) => it.denied('metadata_header') },
        50,
      ],
      [
        'before the first scrape',
        { minuteAt: (at) => (at === 0 ? times(11, (it) => it.denied('forwarded')) : idle) },
        2,
      ],
    ],
    silent: [
      [
        'the look-around of an SDK',
        { minuteAt: (at) => (at % 5 === 0 ? (it) => it.denied('metadata_header') : idle) },
        120,
      ],
      [
        'other paths and methods',
        {
          minuteAt: () =>
            times(50, (it) => {
              it.denied('path');
              it.denied('method');
            }),
        },
        60,
      ],
      ['ten a while ago', { minuteAt: (at) => (at < 12 ? (it) => it.denied('host') : idle) }, 90],
    ],
  },
  ImdsProxyRestarting: {
    fires: [
      ['told by kube-state-metrics', { others: (at) => ({ [restarts]: Math.floor(at / 15) }) }, 50],
      ['a native sidecar', { others: (at) => ({ [nativeRestarts]: Math.floor(at / 15) }) }, 50],
      ['told by the proxy alone', { minuteAt: (at) => (at % 10 === 9 ? undefined : idle) }, 50],
    ],
    silent: [
      ['two restarts', { others: (at) => ({ [restarts]: Math.min(2, Math.floor(at / 15)) }) }, 50],
      ['three restarts yesterday', { others: (at) => ({ [restarts]: Math.min(3, at) }) }, 90],
      ['a stop for an upgrade', { minuteAt: (at) => (at === 10 ? undefined : idle) }, 30],
    ],
  },
  ImdsProxyOutOfMemory: {
    fires: [
      [
        'a restart within the hour',
        { others: (at) => ({ [restarts]: at < 20 ? 0 : 1, [outOfMemory]: at < 20 ? 0 : 1 }) },
        30,
      ],
      [
        'a native sidecar',
        {
          others: (at) => ({
            [nativeRestarts]: at < 20 ? 0 : 1,
            [nativeOutOfMemory]: at < 20 ? 0 : 1,
          }),
        },
        30,
      ],
    ],
    silent: [
      [
        'a restart long ago',
        { others: (at) => ({ [restarts]: at < 20 ? 0 : 1, [outOfMemory]: at < 20 ? 0 : 1 }) },
        90,
      ],
      [
        'a restart for another reason',
        { others: (at) => ({ [restarts]: at < 20 ? 0 : 1, [outOfMemory]: 0 }) },
        30,
      ],
    ],
  },
  ImdsProxyRedirectFailed: {
    fires: [
      [
        'that waits for its next attempt',
        { minuteAt: () => undefined, others: () => ({ [waiting]: 1 }) },
        10,
      ],
      [
        'between running, ended and waiting',
        {
          minuteAt: () => undefined,
          others: (at) => ({
            [waiting]: at % 3 === 0 ? 1 : 0,
            [ended('Error')]: at % 3 === 1 ? 1 : 0,
          }),
        },
        20,
      ],
      [
        'that is not tried again',
        { minuteAt: () => undefined, others: () => ({ [ended('Error')]: 1 }) },
        10,
      ],
    ],
    silent: [
      [
        'that succeeded',
        { others: () => ({ [ended('Completed')]: 1, [waiting]: 0, [ended('Error')]: 0 }) },
        30,
      ],
      [
        'that succeeded at the second attempt',
        {
          others: (at) => ({
            [ended('Error')]: at === 1 ? 1 : 0,
            [ended('Completed')]: at > 1 ? 1 : 0,
          }),
        },
        20,
      ],
    ],
  },
  ImdsProxyNotScraped: {
    fires: [
      [
        'a proxy without metrics',
        { minuteAt: () => undefined, others: () => ({ [running]: 1 }) },
        20,
      ],
      [
        'a native sidecar',
        { minuteAt: () => undefined, others: () => ({ [nativeRunning]: 1 }) },
        20,
      ],
    ],
    silent: [
      ['a proxy with metrics', { others: () => ({ [running]: 1 }) }, 20],
      [
        'a proxy that has ended',
        { minuteAt: () => undefined, others: () => ({ [running]: 0 }) },
        20,
      ],
      [
        'a proxy that has just started',
        { minuteAt: () => undefined, others: (at) => ({ [running]: at > 10 ? 1 : 0 }) },
        20,
      ],
    ],
  },
  ImdsProxyVersionSkew: {
    fires: [['for more than a day', toVersions('1.0.0', () => '1.1.0'), 1_450]],
    silent: [
      ['during an upgrade', toVersions('1.1.0', (at) => (at < 1_400 ? '1.1.0' : '1.0.0')), 1_450],
    ],
  },
};

describeUnless(withoutPromtool, 'the alerts of deploy/monitoring', () => {
  test('each has scenarios in which it fires, and others in which it does not', () => {
    expect(Object.keys(casesOf).toSorted()).toEqual(names.toSorted());
  });

  let alertsOf: (one: Case) => readonly FiringAlert[];
  beforeAll(() => {
    const all = Object.values(casesOf).flatMap(({ fires, silent }) => [...fires, ...silent]);
    const looks = all.map(([, scenario, minute]) => ({ scenario, minute }));
    const found = evaluateRules(rules, names, looks);
    alertsOf = (one) => found[all.indexOf(one)]?.alerts ?? [];
  }, 600_000);

  describe.each(Object.entries(casesOf))('%s', (name, { fires, silent }) => {
    const hasPods = alerts.some(({ alert, pods }) => alert === name && pods !== undefined);

    test.each(fires.map((one) => [one[0], one[2], one] as const))(
      'fires alone, and names a pod: %s, minute %i',
      (_, _minute, one) => {
        const fired = alertsOf(one);
        expect(fired.map(({ alert }) => alert)).toEqual([name]);
        const { summary = '', description = '' } = fired[0]?.annotations ?? {};
        expect(`${summary} ${description}`).not.toMatch(/error expanding|<no value>|%!|NaN/);
        if (hasPods) expect(description).toMatch(/ For example:( [\w-]+)+\.$/);
      },
    );

    test.each(silent.map((one) => [one[0], one[2], one] as const))(
      'is silent: %s, minute %i',
      (_, _minute, one) => {
        expect(alertsOf(one)).toEqual([]);
      },
    );
  });
});

/** A minute of the pod whose series are recorded: nine hits, one failure, and an exchange of each kind. */
const recorded: Minute = (metrics) => {
  times(9, (it) => it.cache('hit'))(metrics);
  metrics.cache('miss');
  metrics.tokenRequestFailed('ERR_REJECTED');
  metrics.exchange('success', 80);
  metrics.exchange('rejected', 400, 700_213);
  times(2, (it) => it.denied('host'))(metrics);
};

const perMinute = (count: number): unknown => expect.closeTo(count / 60, 5);

describeUnless(withoutPromtool, 'the recording rules of deploy/monitoring', () => {
  const values: Readonly<Record<string, readonly (readonly [string, unknown])[]>> = {
    'namespace_version:imds_proxy_build_info:count': [['0.0.0-source', 1]],
    'namespace_result:imds_proxy_token_cache_requests:rate5m': [
      ['coalesced', 0],
      ['hit', perMinute(9)],
      ['miss', perMinute(1)],
      ['negative', 0],
      ['stale', 0],
    ],
    'namespace:imds_proxy_token_cache_hits:ratio_rate5m': [['', expect.closeTo(0.9, 5)]],
    'namespace:imds_proxy_token_request_failures:ratio_rate5m': [['', expect.closeTo(0.1, 5)]],
    'namespace_result:imds_proxy_token_exchanges:rate5m': [
      ['assertion_error', 0],
      ['internal_error', 0],
      ['rejected', perMinute(1)],
      ['success', perMinute(1)],
      ['throttled', 0],
      ['timeout', 0],
      ['unavailable', 0],
    ],
    'namespace_le:imds_proxy_token_exchange_duration_seconds_bucket:rate5m': [
      ['+Inf', perMinute(2)],
      ['0.001', 0],
      ['0.0025', 0],
      ['0.005', 0],
      ['0.01', 0],
      ['0.025', 0],
      ['0.05', 0],
      ['0.1', perMinute(1)],
      ['0.25', perMinute(1)],
      ['0.5', perMinute(2)],
      ['1', perMinute(2)],
      ['10', perMinute(2)],
      ['2.5', perMinute(2)],
      ['20', perMinute(2)],
      ['30', perMinute(2)],
      ['5', perMinute(2)],
    ],
    'namespace:imds_proxy_token_refresh_failing:sum': [['', 2]],
    // The success and the refusal were in the same second: neither is later.
    'namespace_pod_result:imds_proxy_token_exchange_failing_timestamp_seconds:max1h': [],
    // Two a minute, for the hour that ends with minute 90.
    'namespace_pod_reason:imds_proxy_requests_denied:increase1h': [['host', 120]],
  };

  let samplesOf: (record: string) => readonly PromtoolSample[];
  beforeAll(() => {
    const failing = { identity: { clientId: '', tenantId: '' }, hasToken: true } as FailingKey;
    const scenario: Scenario = {
      minuteAt: () => recorded,
      stateAt: () => ({ cache: { ...emptyCache, failing: [failing, failing] } }),
    };
    const queries = recordingRules.map(({ record }) => record);
    [{ samplesOf }] = evaluateRules(rules, [], [{ scenario, minute: 90, queries }]) as [Found];
  });

  test('each has its values here', () => {
    expect(Object.keys(values)).toEqual(recordingRules.map(({ record }) => record));
  });

  test.each(Object.entries(values))('%s', (record, expected) => {
    const told = ['version', 'result', 'le', 'reason'];
    const found = samplesOf(record)
      .map(({ labels, value }) => [told.map((label) => labels[label] ?? '').join(''), value])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
    expect(found).toEqual(expected);
    for (const { labels } of samplesOf(record)) expect(labels['namespace']).toBe('n');
  });

  test('pods that two jobs scrape are counted once', () => {
    const twice = (series: string): readonly string[] => [
      `${series},job="a"}`,
      `${series},job="b"}`,
    ];
    const expiring = twice(
      'imds_proxy_token_refresh_failing_expiry_timestamp_seconds{namespace="n",pod="a"',
    );
    const scenario: Scenario = {
      minuteAt: () => undefined,
      others: () => Object.fromEntries(expiring.map((series) => [series, secondsAt(45)])),
    };
    const [found] = evaluateRules(rules, names, [{ scenario, minute: 20 }]);
    expect(found?.alerts.map(({ annotations }) => annotations['description'])).toEqual([
      expect.stringMatching(/^1 pods of namespace n serve a cached token/),
    ]);
  });
});
