/**
 * SECURITY.md promises bounds. Each number is compared with the code's own, and the test that is said to
 * hold the bound must exist. Add a bound here and in the table together.
 */

import { describe, expect, test } from 'vitest';
import { maxEntryBytes } from '../../../src/doctor/bundle/bundle.ts';
import {
  logDeadlineMs,
  maxLogBytes,
  maxLogInputBytes,
} from '../../../src/doctor/bundle/log-input.ts';
import { defaultCheckDeadlineMs } from '../../../src/doctor/engine/run-checks.ts';
import {
  DOCUMENT_DEADLINE_MS,
  MAX_DOCUMENT_BYTES,
} from '../../../src/doctor/issuer/fetch-document.ts';
import { maxAnswerBytes } from '../../../src/doctor/network/http-get.ts';
import { mostCharacters, programDeadlineMs } from '../../../src/init/backends/program.ts';
import { lockWaitSeconds } from '../../../src/init/steps/lock.ts';
import { MAX_DEPTH } from '../../../src/inject/manifest/bounded.ts';
import { MAX_INPUT_BYTES } from '../../../src/inject/node-io.ts';
import { adminConnectionLimits, adminPauseMs } from '../../../src/proxy/admin/admin-server.ts';
import { deadlines } from '../../../src/proxy/deadlines.ts';
import { MAX_ASSERTION_BYTES } from '../../../src/proxy/entra/exchange/assertion.ts';
import { MAX_LIFETIME_SECONDS, MAX_TOKEN_LENGTH } from '../../../src/proxy/entra/exchange/reply.ts';
import { MAX_ADDRESSES } from '../../../src/proxy/entra/transport/dial.ts';
import { MAX_REPLY_BYTES } from '../../../src/proxy/entra/transport/undici-transport.ts';
import { maxHeaders } from '../../../src/proxy/http/connections.ts';
import {
  dataConnectionLimits,
  defaultArrival,
  defaultMaxWaiting,
  maxHeaderBytes,
} from '../../../src/proxy/http/data-server.ts';
import { maxIgnoredBytes } from '../../../src/proxy/http/guard.ts';
import { maxBodyBytes } from '../../../src/proxy/http/pass-through.ts';
import { maxForwarded, totalMs } from '../../../src/proxy/http/pass-through-gate.ts';
import { maxTargetLength } from '../../../src/proxy/http/router.ts';
import {
  maxRememberedLength,
  maxWaitingLength,
  memoLimits,
} from '../../../src/proxy/http/token-handler.ts';
import { repeatLimits } from '../../../src/proxy/repeat-limit.ts';
import * as cache from '../../../src/proxy/token/policy.ts';
import { HEAP_MEGABYTES } from '../../../src/shared/large-heap.ts';
import { MAX_SETTING_FILE_BYTES } from '../../../src/shared/small-file.ts';
import { longestWaitMs } from '../../../src/shared/stderr.ts';
import { MAX_TERMINATION_BYTES } from '../../../src/shared/termination-log.ts';
import { documentOf, findTitle, toRows } from './documents.ts';

const bounds: Readonly<Record<string, string>> = {
  "Connections to the proxy's port; one more takes the place of the idlest": count(
    dataConnectionLimits.maxConnections,
  ),
  'Unanswered requests of one connection; the last one ends it': count(
    dataConnectionLimits.maxUnanswered,
  ),
  'Unanswered requests of all connections, beside the first of each': count(
    dataConnectionLimits.maxUnansweredInAll,
  ),
  'Bytes of answers that clients do not read, in the process': size(
    dataConnectionLimits.maxUnreadBytes,
  ),
  'Time that an answer may wait for its client to read it': time(dataConnectionLimits.unreadMs),
  'Time that a connection without further requests may stay open': time(dataConnectionLimits.endMs),
  'Requests that wait for Entra': count(defaultMaxWaiting),
  'Length of their request lines and headers together': size(maxWaitingLength),
  'Keys in the cache': count(cache.MAX_ENTRIES),
  'Bytes of all tokens in the cache': size(cache.MAX_BYTES),
  'Bytes of one token': size(cache.MAX_TOKEN_BYTES),
  'Longest life of a token': `${cache.MAX_LIFETIME_MS / 3_600_000} h`,
  'Exchanges at the same time for keys without a token': count(cache.MAX_WITHOUT_TOKEN),
  'Renewals in the background that hold a slot; each frees it after 5 s': count(
    cache.MAX_BACKGROUND,
  ),
  'Time after which an exchange is given up': time(cache.EXCHANGE_DEADLINE_MS),
  'Request targets whose meaning and answer are remembered': count(memoLimits.maxEntries),
  'Size of an answer that is remembered': size(maxRememberedLength),
  'Request line and headers': size(maxHeaderBytes),
  'Headers of a request': count(maxHeaders),
  'Request target': size(maxTargetLength),
  'Request body, which is thrown away': size(maxIgnoredBytes),
  "Time that a request's headers may take to arrive": time(defaultArrival.headersMs),
  'Time that a whole request may take to arrive': time(defaultArrival.requestMs),
  'Requests passed through at the same time': count(maxForwarded),
  'Time that a passed-through answer may take': time(totalMs),
  'Size of a passed-through answer': size(maxBodyBytes),
  'Kinds of failed requests that the log tells apart in a period': count(repeatLimits.kinds),
  'Lines in the log for one kind in a period, before one that counts the rest': count(
    repeatLimits.lines,
  ),
  'That period': time(repeatLimits.periodMs),
  'Lines in the log for one fault of a library in that period, before one that counts the rest':
    count(repeatLimits.lines),
  'Time that a log line may wait for a pipe that nobody reads; later lines do not wait': `${longestWaitMs} ms`,
  "Size of a ServiceAccount token's file": size(MAX_ASSERTION_BYTES),
  'Size of every other file that a setting names': size(MAX_SETTING_FILE_BYTES),
  'Time that reading a token or CA file may take while the proxy serves': time(deadlines.readMs),
  'Size of an answer of Entra': size(MAX_REPLY_BYTES),
  'Length of an access token': size(MAX_TOKEN_LENGTH),
  'Life of an access token; a longer one is cut': `${MAX_LIFETIME_SECONDS / 3_600} h`,
  'Addresses of a name that are connected to at once': count(MAX_ADDRESSES),
  'Time to connect to Entra, and then for TLS': time(deadlines.connectMs),
  'Time of one attempt to get a token': time(deadlines.attemptMs),
  'Time of all attempts together': time(deadlines.exchangeMs),
  'Connections to the admin port': count(adminConnectionLimits.maxConnections),
  'Unanswered requests of one connection to the admin port': count(
    adminConnectionLimits.maxUnanswered,
  ),
  'Time that one check of `proxy doctor` may take; an exchange may take 26 s':
    time(defaultCheckDeadlineMs),
  'Size of an answer that `proxy doctor` reads': size(maxAnswerBytes),
  'Log that `proxy doctor --bundle` keeps, from its end': size(maxLogBytes),
  'Log that it reads from standard input': size(maxLogInputBytes),
  'Time that it waits for the end of a log': time(logDeadlineMs),
  'Size of each file in its archive': size(maxEntryBytes),
  'Time between two renderings of `/metrics` or `/statusz`, or two checks of readiness, however many ask':
    time(adminPauseMs),
  'Message that a container leaves for `kubectl describe pod`': size(MAX_TERMINATION_BYTES),
  'Input of `inject` and `migrate`, for each file': size(MAX_INPUT_BYTES),
  'Levels of an object in a manifest': MAX_DEPTH.toLocaleString('en'),
  'Heap of the commands that read manifests': `${HEAP_MEGABYTES.toLocaleString('en')} MiB`,
  'Input of `proxy doctor`, for each file': size(MAX_INPUT_BYTES),
  'Size of a document of a token issuer that `proxy doctor` reads': size(MAX_DOCUMENT_BYTES),
  'Time that it waits for such a document': time(DOCUMENT_DEADLINE_MS),
  'Output of a program that `proxy-init` runs': size(mostCharacters),
  'Time that such a program may take': `${programDeadlineMs / 1_000} s`,
  'Time that `proxy-init` waits for another one': `${lockWaitSeconds} s`,
};

describe('the bounds of SECURITY.md', () => {
  const rows = toRows(documentOf('SECURITY.md'), ['Bound', 'Number', 'Test']);

  test('each is compared with the code', () => {
    expect(rows.map(([bound]) => bound).toSorted()).toEqual(Object.keys(bounds).toSorted());
  });

  test.each(rows.map(([bound = '', number = '', held = '']) => [bound, number, held] as const))(
    '%s: %s',
    (bound, number, held) => {
      expect(bounds[bound]).toBe(number);
      expect(findTitle(held), `a test: ${held}`).not.toHaveLength(0);
    },
  );
});

function count(number: number): string {
  return number.toLocaleString('en-US');
}

function size(bytes: number): string {
  return bytes < 1_048_576 ? `${bytes / 1_024} KiB` : `${bytes / 1_048_576} MiB`;
}

function time(ms: number): string {
  return `${ms / 1_000} s`;
}
