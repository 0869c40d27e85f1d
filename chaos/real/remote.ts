/** Calls of methods in another process of ours, over Node's own channel between parent and child. */
import type { ChildProcess } from 'node:child_process';

/** What a process lets its parent call. Arguments and results are plain data. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

/** The same methods, as the parent sees them. */
export type Remote<Served extends Methods> = {
  readonly [Name in keyof Served]: (
    ...argument: Parameters<Served[Name]>
  ) => Promise<Awaited<ReturnType<Served[Name]>>>;
};

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Answers the calls of the parent, one after the other. Ends this process when the parent has gone, if `endsWithParent`. */
export function serveParent(
  methods: Methods,
  { endsWithParent }: { endsWithParent: boolean },
): void {
  let queue = Promise.resolve();
  process.on('message', ({ id, method, argument }: Call) => {
    queue = queue.then(async () => {
      let reply: Reply;
      try {
        reply = { id, result: await methods[method]?.(argument as never) };
      } catch (thrown) {
        reply = { id, error: String(thrown) };
      }
      process.send?.(reply);
    });
  });
  if (endsWithParent) process.on('disconnect', () => process.exit(0));
  else process.channel?.unref();
}

/** @returns the methods that a child serves. A call rejects if the child ends or the method throws. */
export function connectChild<Served extends Methods>(child: ChildProcess): Remote<Served> {
  const waiting = new Map<number, (reply: Reply) => void>();
  child.on('message', (reply: Reply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  let hasEnded = false;
  const endAll = (): void => {
    hasEnded = true;
    for (const [id, settle] of waiting) settle({ id, error: 'the process has ended' });
    waiting.clear();
  };
  child.once('exit', endAll);
  child.once('error', endAll);
  let calls = 0;
  const call = (method: string, argument: unknown): Promise<unknown> => {
    calls += 1;
    const id = calls;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.set(id, ({ result, error }) => {
      if (error === undefined) resolve(result);
      else reject(new Error(`${method}: ${error}`));
    });
    if (hasEnded || !child.connected) endAll();
    // The channel may close just now: then the exit follows.
    else child.send({ id, method, argument } satisfies Call, () => {});
    return promise;
  };
  return new Proxy({} as Remote<Served>, {
    get: (_, method) => (argument: unknown) => call(String(method), argument),
  });
}
