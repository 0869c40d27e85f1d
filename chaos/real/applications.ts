/** The applications of the pod. They ask the metadata address, which proxy-init has redirected to the proxy. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAnswer } from '../../bench/harness/http.ts';
import { metadataAddress, metadataPort } from '../../src/shared/redirect-contract.ts';
import type { ActiveFaults } from '../faults.ts';
import { promises, realPromises } from '../promises.ts';
import type { RealWatch, Reply } from './watch.ts';

const STEADY = 6;
const PAUSE_MS = 200;
const TICK_MS = 100;
const HALF_REQUESTS = 150;
const CROWD = 1_000;

export interface ApplicationParts {
  readonly faults: ActiveFaults;
  readonly watch: RealWatch;
  /** The client that requests without a client ID get tokens of, and another one. */
  readonly clientIds: () => { readonly usual: string; readonly other: string };
  /** Whether a process of the proxy listens. */
  readonly isUp: () => boolean;
}

export interface Applications {
  /** Asks once for each steady resource. @returns whether all got their tokens */
  askAll(): Promise<boolean>;
  /** Client ID and resource of the steady applications. */
  keys(): readonly string[];
  /** Lets nobody begin to ask while `change` runs. */
  pauseFor(change: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const resources = Array.from({ length: STEADY }, (_, index) => `https://steady-${index}.example`);

export function startApplications({
  faults,
  watch,
  clientIds,
  isUp,
}: ApplicationParts): Applications {
  let isOver = false;
  let pauses = 0;
  let serial = 0;
  const asking = new Set<Exchange>();
  const halves = new Set<{ readonly socket: Socket; readonly sinceMs: number }>();

  const ask = async (
    resource: string,
    {
      clientId,
      ...kind
    }: {
      readonly clientId?: string;
      readonly bypassCache?: boolean;
      readonly isCrowd?: boolean;
    } = {},
  ): Promise<Reply | undefined> => {
    if (pauses > 0 || !isUp()) return undefined;
    const query = [
      `resource=${resource}`,
      ...(clientId === undefined ? [] : [`client_id=${clientId}`]),
      ...(kind.bypassCache ? ['bypass_cache=true'] : []),
    ].join('&');
    const asked = watch.ask(resource, clientId ?? clientIds().usual, kind);
    const exchange = exchangeOnce(
      `/metadata/identity/oauth2/token?api-version=2018-02-01&${query}`,
    );
    const under = { ...exchange, mustServe: asked.mustServe };
    asking.add(under);
    const reply = await exchange.reply;
    asking.delete(under);
    watch.answered(asked, reply);
    return reply;
  };

  const askSteadily = async (resource: string): Promise<void> => {
    while (!isOver) {
      await delay(PAUSE_MS);
      if (!faults.has('callers/silence')) await ask(resource);
    }
  };

  const openHalves = (): void => {
    for (let index = halves.size; index < HALF_REQUESTS && isUp(); index += 1) {
      const socket = connect({ host: metadataAddress, port: metadataPort });
      const half = { socket, sinceMs: performance.now() };
      halves.add(half);
      socket.on('error', () => {});
      socket.on('close', () => halves.delete(half));
      socket.resume().write('GET /metadata/identity/oauth2/token?resource=half HTT');
    }
  };

  const tick = (): void => {
    if (faults.has('callers/burst')) {
      for (let caller = 0; caller < 10; caller += 1) void ask('https://burst.example');
    }
    if (faults.has('callers/bypass-loop')) void ask(resources[0] ?? '', { bypassCache: true });
    const isChurn = faults.has('callers/churn');
    if (isChurn || faults.has('callers/many-resources')) {
      serial += 1;
      const resource = `https://new-${serial}.example`;
      void ask(resource, { isCrowd: true, ...(isChurn && { clientId: clientIds().other }) });
    }
    if (faults.has('callers/thousand-at-once')) {
      faults.end('callers/thousand-at-once');
      serial += 1;
      for (let caller = 0; caller < CROWD; caller += 1) {
        void ask(`https://crowd-${serial}.example`, { isCrowd: true });
      }
    }
    if (faults.has('callers/silence')) openHalves();
    for (const { sinceMs } of halves) watch.heldHalf(performance.now() - sinceMs);
  };

  const steady = resources.map(askSteadily);
  const ticking = setInterval(tick, TICK_MS);

  return {
    async askAll() {
      const replies = await Promise.all(resources.map((resource) => ask(resource)));
      return replies.every((reply) => reply?.kind === 'answer' && reply.status === 200);
    },
    keys: () => resources.map((resource) => `${clientIds().usual} ${resource}`),
    async pauseFor(change) {
      pauses += 1;
      try {
        // The proxy would judge them by its knowledge after the change.
        await Promise.all([...asking].map(({ reply, mustServe }) => mustServe && reply));
        await change();
      } finally {
        pauses -= 1;
      }
    },
    async stop() {
      isOver = true;
      clearInterval(ticking);
      for (const { socket } of halves) socket.destroy();
      // After a breach, their answers mean nothing.
      if (watch.breach !== undefined) for (const { give } of asking) give();
      await Promise.all([...steady, ...[...asking].map(({ reply }) => reply)]);
    },
  };
}

interface Exchange {
  readonly reply: Promise<Reply>;
  readonly mustServe: boolean;
  /** Gives up. */
  give(): void;
}

/** Sends one request over a new connection. */
function exchangeOnce(path: string): Omit<Exchange, 'mustServe'> {
  const { promise, resolve } = Promise.withResolvers<Reply>();
  const socket = connect({ host: metadataAddress, port: metadataPort, noDelay: true });
  const mostMs = promises.answerMs + 2 * realPromises.busyMs;
  const fail = (error: string): void => resolve({ kind: 'none', error });
  const timer = setTimeout(() => fail(`nothing within ${mostMs} ms`), mostMs);
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    const answer = parseAnswer(text);
    if (answer !== undefined) {
      resolve({ kind: 'answer', status: answer.status, body: answer.body });
    }
  });
  socket.once('error', ({ code, message }: NodeJS.ErrnoException) => fail(code ?? message));
  socket.once('close', () => fail('the connection was closed'));
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${metadataAddress}\r\nMetadata: true\r\nConnection: close\r\n\r\n`,
  );
  const reply = promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
  return { reply, give: () => fail('the run has ended') };
}
