import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../shared/logger.ts';
import type { Environment } from '../../shared/options.ts';
import { InitFailure } from '../failures.ts';
import { nonceSource } from './verify.ts';

/** It holds no rules. It is one of IPv6, because nft 1.0.6 cannot print an owned table as JSON. */
const lockTable = 'azwi_proxy_lock';

/** Longer than one run takes, so that many at once all get their turn. */
export const lockWaitSeconds = 30;

const leastPauseMs = 25;
const mostPauseMs = 250;
/** How long nft may take to answer one question, or to end. */
const answerMs = 10_000;
/** What nft prints for one question is a few lines. */
const mostCharacters = 65_536;

/** The command that starts nft, its environment, and where a missing lock is logged. */
export interface LockTools {
  readonly command: readonly [string, ...string[]];
  readonly env: Environment;
  readonly log: Logger;
}

/**
 * Lets one proxy-init at a time work in this network namespace. Without it several that read the rules before
 * any has written them would each add their own jump.
 *
 * The lock is an nf_tables table that an nft process owns. Only a process that may write rules can create
 * one, so no other process of the pod can hold the lock. It needs no writable file, belongs to the network
 * namespace as the rules do, and the kernel deletes it when that process ends, however that happens: nft
 * ends when its input does, and its input ends with this process.
 *
 * Kernels before 5.12 have no owned tables. There, and without nft, runs are not kept apart; each one reads
 * its rules back and tries again.
 * @throws InitFailure `run-in-progress` after `waitSeconds`
 */
export async function withNamespaceLock<T>(
  waitSeconds: number,
  tools: LockTools,
  work: () => Promise<T>,
): Promise<T> {
  const release = await acquire(waitSeconds, tools);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(waitSeconds: number, tools: LockTools): Promise<() => Promise<void>> {
  const deadlineAt = performance.now() + waitSeconds * 1_000;
  const nft = startNft(tools);
  const nonce = readFileSync(nonceSource, 'utf8').trim();
  let pauseMs = leastPauseMs;
  for (;;) {
    const holder = await nft.tryLock(nonce);
    if (holder === nonce) return nft.end;
    if (holder === 'unavailable') {
      tools.log.log('debug', 'runs in this network namespace are not kept apart', {
        reason: nft.stderr(),
      });
      await nft.end();
      return async () => {};
    }
    if (performance.now() + pauseMs > deadlineAt) {
      await nft.end();
      throw new InitFailure('run-in-progress', { seconds: waitSeconds });
    }
    await delay(pauseMs);
    pauseMs = Math.min(mostPauseMs, pauseMs * 2);
  }
}

const lateErrorMs = 10;

/** The permission, or the kernel's or the program's part, is missing. Other errors come from a lost race. */
const cannotLock =
  /initializ.*not permitted|not supported|Invalid argument|unknown table option|syntax error/;

interface NftSession {
  /** @returns the holder's nonce, '' if it has just released the lock, or `unavailable` */
  tryLock(nonce: string): Promise<string>;
  stderr(): string;
  /** Gives up the lock, if it is held, and waits until it is gone. */
  end(): Promise<void>;
}

/** One nft process that reads commands and keeps the tables it owns until its input ends. */
function startNft({ command: [file, ...args], env }: LockTools): NftSession {
  // Where HOME can be written, nft would leave a file with its commands there.
  const child = spawn(file, [...args, '-i'], { env: { ...env, HOME: '/dev/null', LC_ALL: 'C' } });
  let [stdout, stderr] = ['', ''];
  let wake = (): void => {};
  let isEnded = false;
  const ended = new Promise<void>((resolve) => {
    const finish = (): void => {
      isEnded = true;
      wake();
      resolve();
    };
    child.once('close', finish);
    child.once('error', finish);
  });
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout = `${stdout}${chunk}`.slice(-mostCharacters);
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = `${stderr}${chunk}`.slice(-mostCharacters);
  });

  /** Asks nft, and waits until it has answered a last question whose answer is always the same. */
  const ask = async (commands: readonly string[]): Promise<string> => {
    stdout = '';
    child.stdin.write(`${[...commands, 'describe tcp dport'].join('\n')}\n`);
    const timer = setTimeout(() => child.kill('SIGKILL'), answerMs);
    while (!isEnded && !/^payload expression/m.test(stdout)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    clearTimeout(timer);
    return stdout;
  };

  return {
    async tryLock(nonce) {
      const table = `table ip6 ${lockTable}`;
      const answer = await ask([
        `create ${table} { comment "${nonce}"; flags owner; }`,
        `list ${table}`,
      ]);
      if (isEnded) return 'unavailable';
      if (/^\tflags owner$/m.test(answer)) return /^\tcomment "([\w-]+)"$/m.exec(answer)?.[1] ?? '';
      // Errors arrive on another pipe, and may be late.
      await delay(lateErrorMs);
      return cannotLock.test(stderr) ? 'unavailable' : '';
    },
    stderr: () => stderr.trim(),
    async end() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), answerMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
