/**
 * Sends requests at a fixed rate over keep-alive connections and prints their latencies as JSON:
 * `node constant-rate.ts '{"port": …, "request": "…", "rate": …, "connections": …, "seconds": …}'`.
 *
 * A latency counts from the instant at which the request was due, not from when it could be sent: a server
 * that stalls makes the requests wait that were due meanwhile, and that wait is its own.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parseAnswer } from '../harness/http.ts';
import { quantile } from '../harness/statistics.ts';

interface Order {
  readonly port: number;
  readonly request: string;
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
}

/** Not recorded: connections, caches and compilers settle in it. */
const warmUpSeconds = 1;

const order = JSON.parse(process.argv[2] as string) as Order;
const request = Buffer.from(order.request);
const total = Math.round(order.rate * (order.seconds + warmUpSeconds));
const unrecorded = Math.round(order.rate * warmUpSeconds);
const latenciesMs = new Float64Array(total - unrecorded);

const idle: Socket[] = [];
const dueAt = new Map<Socket, { at: number; index: number; missing: number }>();
const answerBytes = await firstAnswerBytes();
for (let count = 0; count < order.connections; count += 1) idle.push(await open());

const startAt = performance.now();
const intervalMs = 1000 / order.rate;
let sent = 0;
let answered = 0;
const done = Promise.withResolvers<void>();
turn();
await done.promise;

process.stdout.write(
  `${JSON.stringify({
    p50Ms: quantile([...latenciesMs], 0.5),
    p99Ms: quantile([...latenciesMs], 0.99),
  })}\n`,
);
process.exit(0);

/** Sends the requests that are due and returns at once: a timer would be a millisecond coarse. */
function turn(): void {
  const now = performance.now();
  while (sent < total && startAt + sent * intervalMs <= now) {
    const socket = idle.pop();
    if (socket === undefined) break;
    dueAt.set(socket, { at: startAt + sent * intervalMs, index: sent, missing: answerBytes });
    sent += 1;
    socket.write(request);
  }
  if (answered < total) setImmediate(turn);
  else done.resolve();
}

async function open(): Promise<Socket> {
  const socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.on('data', (chunk) => {
    const pending = dueAt.get(socket);
    if (pending === undefined) throw new Error('an answer that nobody asked for');
    pending.missing -= chunk.length;
    if (pending.missing > 0) return;
    if (pending.missing < 0) throw new Error('an answer of another length');
    if (pending.index >= unrecorded) {
      latenciesMs[pending.index - unrecorded] = performance.now() - pending.at;
    }
    answered += 1;
    idle.push(socket);
  });
  socket.once('close', () => done.reject(new Error('the server closed a connection')));
  return socket;
}

/** All answers are of one length, so that counting bytes is enough to tell one from the next. */
async function firstAnswerBytes(): Promise<number> {
  const socket = connect({ port: order.port, host: '127.0.0.1' });
  socket.write(request);
  let text = '';
  for await (const chunk of socket.setEncoding('latin1')) {
    text += chunk as string;
    const answer = parseAnswer(text);
    if (answer === undefined) continue;
    if (answer.status !== 200) throw new Error(`status ${answer.status}`);
    return text.length;
  }
  throw new Error('no answer');
}
