/**
 * A process inside a test's network namespace that listens and connects there on the test's behalf. It
 * must run as root: it takes on other users' ids to connect with them.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';

/** Who connects, and where to; without ids it is root. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Supplementary groups, as `runAsGroup` and `fsGroup` make them. */
  readonly groups?: readonly number[];
  readonly udp?: boolean;
}

/** What came of connecting: the first line that was said there, or the error's code, or `timeout`. */
export type Outcome = string;

export interface AgentMethods {
  /** Says `name` to everyone who connects, then repeats every line with the name before it. */
  listen(at: { host: string; port: number; name: string; udp?: boolean }): Promise<number>;
  ask(destination: Destination): Promise<Outcome>;
  /** Connects and stays connected. */
  open(destination: Destination): Promise<Outcome>;
  /** Says a line on the connection that is open. */
  say(line: string): Promise<Outcome>;
  /** Peers of all connections that were accepted, as `address:port`. */
  peers(): Promise<readonly string[]>;
  /** How the connection that was accepted last ended: `closed`, an error's code, or `timeout`. */
  ending(): Promise<Outcome>;
}

export interface AgentRequest {
  readonly id: number;
  readonly method: keyof AgentMethods;
  readonly argument: unknown;
}

export interface AgentReply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

const mostWaitMs = 1_500;
const accepted: string[] = [];
let connection: Socket | undefined;
let lastEnding: Promise<Outcome> = Promise.resolve('nothing was accepted');

const methods: AgentMethods = {
  listen: ({ host, port, name, udp }) =>
    udp ? listenUdp(host, port, name) : listenTcp(host, port, name),
  async ask(destination) {
    if (destination.udp) return askUdp(destination);
    const { outcome, socket } = await connectAs(destination);
    socket.destroy();
    return outcome;
  },
  async open(destination) {
    const { outcome, socket } = await connectAs(destination);
    connection = socket;
    return outcome;
  },
  async say(line) {
    if (connection === undefined) return 'nothing is open';
    const outcome = nextLine(connection);
    connection.write(`${line}\n`);
    return outcome;
  },
  peers: async () => accepted,
  ending: () => lastEnding,
};

function listenTcp(host: string, port: number, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      accepted.push(`${socket.remoteAddress}:${socket.remotePort}`);
      socket.setEncoding('utf8').on('error', () => {});
      lastEnding = untilEnded(socket);
      socket.on('data', (line) => socket.write(`${name} ${line}`));
      socket.write(`${name}\n`);
    });
    server.once('error', reject);
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

function listenUdp(host: string, port: number, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createSocket('udp4', (_, peer) => server.send(name, peer.port, peer.address));
    server.once('error', reject);
    server.bind(port, host, () => resolve(server.address().port));
  });
}

async function connectAs(destination: Destination): Promise<{ outcome: Outcome; socket: Socket }> {
  const { host, port } = destination;
  const socket = await asUser(destination, () => connect({ host, port }));
  socket.setEncoding('utf8');
  return { outcome: await nextLine(socket), socket };
}

/**
 * The kernel notes the owner of a socket when it is made, which Node does a tick after `connect`. The
 * command queue is serial, so that nothing else is done under the borrowed ids.
 */
async function asUser<T>({ uid = 0, gid = 0, groups = [] }: Destination, act: () => T): Promise<T> {
  process.setgroups?.([...groups]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    const result = act();
    await new Promise((resolve) => setImmediate(resolve));
    return result;
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.([]);
  }
}

function untilEnded(socket: Socket): Promise<Outcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('timeout'), mostWaitMs);
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => {
      clearTimeout(timer);
      resolve('closed');
    });
  });
}

function nextLine(socket: Socket): Promise<Outcome> {
  return new Promise((resolve) => {
    let text = '';
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      socket.removeAllListeners('data');
      socket.removeAllListeners('end');
      resolve(outcome);
    };
    const timer = setTimeout(() => finish('timeout'), mostWaitMs);
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.once('end', () => finish('closed'));
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.endsWith('\n')) finish(text.trim());
    });
  });
}

async function askUdp(destination: Destination): Promise<Outcome> {
  const { host, port } = destination;
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish('timeout'), mostWaitMs);
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.once('message', (message) => finish(`${message}`));
    socket.connect(port, host, () => {
      socket.send('?', (error) => {
        if (error !== null) finish((error as NodeJS.ErrnoException).code ?? error.message);
      });
    });
  });
}

let queue = Promise.resolve();
process.on('message', ({ id, method, argument }: AgentRequest) => {
  queue = queue.then(async () => {
    const reply: AgentReply = await Promise.resolve(methods[method](argument as never)).then(
      (result): AgentReply => ({ id, result }),
      (error: unknown): AgentReply => ({ id, error: `${error}` }),
    );
    process.send?.(reply);
  });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0, result: 'ready' } satisfies AgentReply);
