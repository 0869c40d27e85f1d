import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRunProgram } from '../../../src/init/backends/program.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { InitFailure } from '../../../src/init/failures.ts';
import { createLogger, reportFailure } from '../../../src/init/output.ts';
import { findNodeTrait, parseLinkNames } from '../../../src/init/steps/node-namespace.ts';
import { findOpenConnections } from '../../../src/init/steps/open-connections.ts';
import { attemptConnection, serveNonce } from '../../../src/init/steps/verify.ts';
import { MAX_TERMINATION_BYTES } from '../../../src/shared/termination-log.ts';

describe('running a program', () => {
  const lines: string[] = [];
  const log = createLogger('text', 'debug', (line) => lines.push(line));
  const run = createRunProgram({ PATH: process.env['PATH'], LC_ALL: 'de_DE' }, log);
  const deadlineMs = 10_000;

  it('passes its input and reads its output, in English', async () => {
    const result = await run('sh', ['-c', 'cat; echo "$LC_ALL" >&2; exit 3'], {
      input: 'in',
      deadlineMs,
    });
    expect(result).toEqual({ exitCode: 3, stdout: 'in', stderr: 'C\n' });
    expect(lines.join()).toContain('command finished');
  });

  it('accepts a program that reads none of its input', async () => {
    const result = await run('true', [], { input: 'x'.repeat(1_000_000), deadlineMs });
    expect(result.exitCode).toBe(0);
  });

  it('does not wait for one that never ends, nor for its children', async () => {
    const result = await run('sh', ['-c', 'echo begun; sleep 60 & wait'], { deadlineMs: 200 });
    expect(result).toEqual({ exitCode: null, stdout: 'begun\n', stderr: '', killed: 'timeout' });
  });

  it('ends one that prints more than any pod has rules', async () => {
    const { killed, exitCode } = await run('sh', ['-c', 'yes'], { deadlineMs });
    expect({ killed, exitCode }).toEqual({ killed: 'output', exitCode: null });
  });

  it('rejects when there is no such program', async () => {
    await expect(run('/nonexistent', [], { deadlineMs })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a probe', () => {
  it('receives the nonce, and serves it only on a free port', async () => {
    const holder = createServer((socket) => socket.end('something else'));
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await serveNonce(port, 'nonce')).toBeUndefined();
    expect(await attemptConnection('127.0.0.1', port, 100, 1_000)).toEqual({
      kind: 'answered',
      text: 'something else',
    });
    await new Promise((resolve) => holder.close(resolve));

    const stop = await serveNonce(port, 'nonce');
    expect(await attemptConnection('127.0.0.1', port, 5, 1_000)).toEqual({
      kind: 'answered',
      text: 'nonce',
    });
    stop?.();
    expect(await attemptConnection('127.0.0.1', port, 5, 1_000)).toEqual({
      kind: 'refused',
      code: 'ECONNREFUSED',
    });
  });

  it('has a deadline for a silent listener', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await attemptConnection('127.0.0.1', port, 5, 50)).toEqual({ kind: 'timeout' });
    expect(await attemptConnection('127.0.0.1', port, 0, 1_000)).toEqual({
      kind: 'answered',
      text: '',
    });
    silent.close();
  });
});

describe("a node's namespace", () => {
  it('is recognised by its chains or its links', () => {
    const links = parseLinkNames(
      'Inter-|   Receive\n face |bytes\n    lo: 0 0\n  eth0: 1 2\n docker0:7\n',
    );
    expect(links).toEqual(['lo', 'eth0', 'docker0']);
    expect(findNodeTrait([], links)).toBe('link docker0');
    expect(findNodeTrait(['OUTPUT', 'KUBE-KUBELET-CANARY'], [])).toBe('chain KUBE-KUBELET-CANARY');
    expect(
      findNodeTrait(['OUTPUT', 'ISTIO_OUTPUT', 'DOCKER_OUTPUT'], ['lo', 'eth0']),
    ).toBeUndefined();
  });
});

describe('open connections', () => {
  const { redirect } = toInitConfig(new Map(), {});
  const line = (remote: string, state = '01', uid = 1000) =>
    `   1: 02004D0A:D3C2 ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 99 1\n`;

  it.each<[string, string, readonly string[]]>([
    ['to the metadata address', line('FEA9FEA9:0050'), ['169.254.169.254:80']],
    [
      'over a mapped address',
      line('0000000000000000FFFF0000FEA9FEA9:0050'),
      ['169.254.169.254:80'],
    ],
    ['to another port', line('FEA9FEA9:0051'), []],
    ['to another address', line('0100007F:0050'), []],
    ['of the proxy', line('FEA9FEA9:0050', '01', 1501), []],
    ['that is closed', line('FEA9FEA9:0050', '06'), []],
    ['that only listens', line('00000000:0000', '0A'), []],
  ])('%s', (_, text, found) => {
    expect(findOpenConnections(`  sl  local_address rem_address   st\n${text}`, redirect)).toEqual(
      found,
    );
  });
});

describe('reporting', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'init-report-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const report = (
    failure: InitFailure,
    format: 'text' | 'json',
    level: 'info' | 'debug' = 'info',
  ) => {
    const lines: string[] = [];
    const terminationLog = join(directory, 'termination-log');
    const log = createLogger(format, level, (line) => lines.push(line));
    reportFailure(failure, { format, level, terminationLog }, log);
    return lines;
  };

  it('prints the message, and the remedy if there is one', () => {
    expect(report(new InitFailure('no-answer'), 'text')).toEqual([
      'proxy-init: error: Redirect did not answer within 1.5 s; is lo up?\n',
    ]);
    const [line = ''] = report(new InitFailure('lock-file', { paths: '/x' }), 'json');
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      logger: 'proxy-init',
      message: 'Cannot open an xtables lock file at /x.',
      error_code: 'lock-file',
      exit_code: 6,
      remedy: expect.stringContaining('XTABLES_LOCKFILE'),
    });
  });

  it('shows the stack of an internal error at debug only', () => {
    const failure = new InitFailure('unexpected', { error: 'boom' }, { cause: new Error('boom') });
    expect(report(failure, 'text').join('')).not.toContain('process.test.ts');
    expect(report(failure, 'text', 'debug').join('')).toContain('process.test.ts');
  });

  it('writes no more than the kubelet reads, and only if the file exists', async () => {
    // Three bytes each in UTF-8.
    const failure = new InitFailure('not-redirected', { output: `${'€'.repeat(9_000)}` });
    report(failure, 'text');
    const file = join(directory, 'termination-log');
    await expect(readFile(file)).rejects.toThrow('ENOENT');
    await writeFile(file, 'old');
    report(failure, 'text');
    const text = await readFile(file, 'utf8');
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_TERMINATION_BYTES);
    expect(Buffer.byteLength(text)).toBeGreaterThan(MAX_TERMINATION_BYTES - 3);
    expect(text).toMatch(
      /^Rules are loaded but .*€… A rule of the other .* Or remove the rule\.\n$/,
    );
  });

  it('warns when that file cannot be written', async () => {
    const lines: string[] = [];
    const log = createLogger('text', 'info', (line) => lines.push(line));
    const failure = new InitFailure('no-answer');
    reportFailure(failure, { format: 'text', level: 'info', terminationLog: directory }, log);
    expect(lines.at(-1)).toContain(`warning: cannot write ${directory}`);
  });
});
