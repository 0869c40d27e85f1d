import { describe, expect, test } from 'vitest';
import { type Check, fail, ok, skip, warn } from '../../../src/doctor/engine/check.ts';
import { createRedact } from '../../../src/doctor/engine/redact.ts';
import { toExitCode, toReport } from '../../../src/doctor/engine/report.ts';
import { defaultCheckDeadlineMs, runChecks } from '../../../src/doctor/engine/run-checks.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const broken = fail('nothing listens', { fix: 'Start it.' });

function check(
  id: string,
  finding: Check['run'] | Awaited<ReturnType<Check['run']>>,
  needs: readonly string[] = [],
): Check {
  return { id, needs, run: typeof finding === 'function' ? finding : async () => finding };
}

async function run(checks: readonly Check[], secrets: readonly string[] = []) {
  const clock = createManualClock();
  return runChecks(checks, { clock, redact: createRedact(secrets) });
}

const shape = (results: Awaited<ReturnType<typeof run>>): readonly string[] =>
  results.map(({ id, status, summary }) => `${status} ${id}: ${summary}`);

describe('runChecks', () => {
  test('runs every check in order and reports each result as soon as it is known', async () => {
    const seen: string[] = [];
    const results = await runChecks(
      [check('a', ok('fine')), check('b', broken), check('c', warn('odd', { fix: 'Look.' }))],
      {
        clock: createManualClock(),
        redact: createRedact([]),
        onResult: ({ id }) => seen.push(id),
      },
    );
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(shape(results)).toEqual(['ok a: fine', 'fail b: nothing listens', 'warn c: odd']);
  });

  test('leaves out the checks that a failure makes pointless, and names the first failure', async () => {
    const never = (): never => {
      throw new Error('was run');
    };
    const results = await run([
      check('dns', broken),
      check('tcp', never, ['dns']),
      check('tls', never, ['tcp']),
      check('file', ok('fine')),
      check('exchange', never, ['file', 'tls']),
    ]);
    expect(shape(results)).toEqual([
      'fail dns: nothing listens',
      'skip tcp: because dns failed',
      'skip tls: because dns failed',
      'ok file: fine',
      'skip exchange: because dns failed',
    ]);
  });

  test('a check that does not apply, or only warns, holds nobody up', async () => {
    const results = await run([
      check('proxy', skip('no HTTP proxy is set')),
      check('clock', warn('a minute off', { fix: 'Set it.' })),
      check('tcp', ok('fine'), ['proxy', 'clock']),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['skip', 'warn', 'ok']);
  });

  test('a check that throws or never ends has failed, and the others still run', async () => {
    const clock = createManualClock();
    const running = runChecks(
      [
        check('throws', () => {
          throw new TypeError('no such property');
        }),
        check('hangs', () => new Promise(() => {})),
        check('last', ok('fine')),
      ],
      { clock, redact: createRedact([]) },
    );
    await clock.advance(defaultCheckDeadlineMs);
    const results = await running;
    expect(shape(results)).toEqual([
      'fail throws: the check itself failed (TypeError: no such property)',
      'fail hangs: no result within 10 s',
      'ok last: fine',
    ]);
    for (const { status, fix } of results) if (status === 'fail') expect(fix).not.toBe('');
  });

  test('the signal of a check aborts at its deadline', async () => {
    const clock = createManualClock();
    let isAborted = false;
    const running = runChecks(
      [
        {
          id: 'slow',
          deadlineMs: 50,
          run: (signal) =>
            new Promise(() => {
              signal.addEventListener('abort', () => {
                isAborted = true;
              });
            }),
        },
      ],
      { clock, redact: createRedact([]) },
    );
    await clock.advance(50);
    expect((await running)[0]?.status).toBe('fail');
    expect(isAborted).toBe(true);
  });

  test('no secret and no control character leaves it, in any text of a finding', async () => {
    const password = 'correct horse';
    const text = `eyJhbGciOi.eyJpc3Mi.c2ln and ${password}\u001b[31m`;
    const [result] = await run(
      [check('leaks', fail(text, { fix: text, evidence: { [text]: text } }))],
      [password],
    );
    const printed = JSON.stringify(result);
    expect(printed).not.toContain('eyJ');
    expect(printed).not.toContain(password);
    expect(printed).not.toMatch(/\\u001b/);
    expect(printed).toContain('[redacted]');
  });

  test('evidence of a hostile peer is cut', async () => {
    const evidence = { server: 'x'.repeat(16_384) };
    const [result] = await run([check('long', ok('fine', { evidence }))]);
    expect(String(result?.evidence?.['server'])).toHaveLength(2_000);
  });
});

describe('the report', () => {
  test('counts the results, and only a failure makes the exit code 1', async () => {
    const good = toReport(
      await run([
        check('a', ok('fine')),
        check('b', warn('odd', { fix: 'Look.' })),
        check('c', skip('of d')),
      ]),
    );
    expect(good.summary).toEqual({ ok: 1, warn: 1, fail: 0, skip: 1 });
    expect(toExitCode(good)).toBe(0);
    expect(toExitCode(toReport(await run([check('a', broken)])))).toBe(1);
  });
});
