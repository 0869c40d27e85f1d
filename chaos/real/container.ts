/** The life of the proxy's container: how the kubelet starts it, ends it, and starts it again. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Effects } from './effects.ts';
import type { ProxyContainer } from './pod.ts';
import type { PreloadState } from './preload-state.ts';
import type { Site } from './site.ts';
import type { RealWatch } from './watch.ts';

/** The kubelet waits before it starts a container again that could not start. */
const RETRY_MS = 1_000;

export interface ContainerParts {
  readonly site: Site;
  readonly watch: RealWatch;
  readonly effects: () => Effects;
  readonly wallOffsetMs: () => number;
  readonly onLine: (line: string) => void;
}

export interface Container {
  /** Whether a process listens that nobody is ending. */
  readonly isUp: boolean;
  readonly restarts: number;
  readonly current: ProxyContainer | undefined;
  /** The client that the process which runs was given. */
  readonly client: 'usual' | 'other';
  /** Ends the process and starts one with the settings of that moment. Two calls at a time are one. */
  restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Tells the process about the clock and the libraries; resolves when it has heard. */
  tell(): Promise<void>;
  stop(): Promise<void>;
}

export function createContainer(parts: ContainerParts): Container {
  const { site, watch, effects, wallOffsetMs, onLine } = parts;
  let current: ProxyContainer | undefined;
  let settings = effects().settings;
  let isUp = false;
  let isOver = false;
  let starts = 0;
  let restarting: Promise<void> | undefined;

  const toState = (): PreloadState => ({
    effects: effects().process,
    wallOffsetMs: wallOffsetMs(),
    tokenFile: site.pod.volumes.tokenFile,
  });

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    isUp = false;
    watch.processStops();
    const ending = current;
    current = undefined;
    ending?.kill(signal);
    await ending?.exited;
  };

  /** A file that is missing or damaged may prevent a start, and nothing else may. */
  const mayFail = (): boolean => {
    const { tokenFile, caFiles } = effects();
    return tokenFile !== 'current' || caFiles !== 'current';
  };

  const begin = async (): Promise<void> => {
    while (!isOver) {
      const couldFail = mayFail();
      ({ settings } = effects());
      watch.processStarts();
      try {
        const started = await site.pod.start(settings, toState(), onLine);
        current = started;
        void started.exited.then(() => {
          if (current !== started) return;
          isUp = false;
          watch.break('the proxy has ended by itself');
        });
        starts += 1;
        watch.processStarted();
        isUp = true;
        await tell();
        return;
      } catch (error) {
        if (!couldFail && !mayFail()) {
          watch.break(`the proxy does not start: ${error}`);
          return;
        }
      }
      await delay(RETRY_MS);
    }
  };

  const tell = async (): Promise<void> => {
    const told = current;
    // It may end meanwhile.
    await told?.inside.set(toState()).catch(() => {});
  };

  return {
    get isUp() {
      return isUp;
    },
    get restarts() {
      return Math.max(0, starts - 1);
    },
    get current() {
      return current;
    },
    get client() {
      return settings.client;
    },
    restart(signal) {
      restarting ??= end(signal)
        .then(begin)
        .finally(() => {
          restarting = undefined;
        });
      return restarting;
    },
    tell,
    async stop() {
      isOver = true;
      await restarting;
      await end('SIGKILL');
    },
  };
}
