/**
 * Runs inside the process of the built proxy, before it (`node --require`). All of the proxy's own files are the shipped
 * ones. This module makes fail what no kernel can make fail for one process:
 *
 * - the wall clock: `Date` is shifted. The monotonic clock, the timers and the kernel's clocks are the real ones;
 * - the libraries: the function that the exchange's bundle exports hangs or returns nonsense, or undici's own assertions
 *   fail, or a callback throws, or the bundle cannot be read;
 * - reading the federated token hangs or fails, as on a dead network file system.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import vm from 'node:vm';
import type { ExchangeBundle, Outcome } from '../../src/proxy/entra/bundle.ts';
import { nonsense } from '../faults.ts';
import { type PreloadMethods, type PreloadState, stateVariable } from './preload-state.ts';
import { serveParent } from './remote.ts';

const exchangeFile = /[\\/]proxy-exchange\.js$/;
let state = JSON.parse(process.env[stateVariable] ?? '') as PreloadState;
delete process.env[stateVariable];
/** Runs a function in the context of the bundle that was loaded last. */
let inBundle: ((run: () => void) => void) | undefined;
/** Calls that hang, as those to a dead file system: they continue when it is there again. */
let hanging: (() => void)[] = [];
/** Whether `libraries/throws` can have an effect. */
let isUndiciReached = false;

serveParent(
  {
    set(next: PreloadState) {
      state = next;
      if (state.effects.tokenRead === 'hangs') return;
      for (const proceed of hanging) proceed();
      hanging = [];
    },
    failOutside() {
      inBundle?.(() => {
        setTimeout(() => {
          throw new RangeError('a fault of the schedule');
        }, 1);
      });
    },
  } satisfies { [Name in keyof PreloadMethods]: PreloadMethods[Name] },
  { endsWithParent: false },
);

shiftDate();
disturbFiles();
disturbBundle();

function shiftDate(): void {
  const RealDate = Date;
  const now = (): number => RealDate.now() + state.wallOffsetMs;
  globalThis.Date = new Proxy(RealDate, {
    apply: () => new RealDate(now()).toString(),
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  });
}

function disturbFiles(): void {
  const { open, readFileSync } = fs;
  const disturbedOpen = (...args: Parameters<typeof open>): void => {
    const [path] = args;
    const callback = args.at(-1) as unknown as (error: Error) => void;
    const isToken = path === state.tokenFile;
    if (isToken && state.effects.tokenRead === 'hangs') {
      hanging.push(() => open(...args));
      return;
    }
    if (isToken && state.effects.tokenRead === 'fails') {
      setImmediate(callback, toFault('EIO'));
      return;
    }
    open(...args);
  };
  const disturbedRead = (
    ...args: Parameters<typeof readFileSync>
  ): ReturnType<typeof readFileSync> => {
    if (!state.effects.canLoadLibraries && exchangeFile.test(String(args[0])))
      throw toFault('EMFILE');
    return readFileSync(...args);
  };
  Object.assign(fs, { open: disturbedOpen, readFileSync: disturbedRead });
}

function toFault(code: string): Error {
  return Object.assign(new Error(`a fault of the schedule: ${code}`), { code });
}

/** What the bundle of the exchange is compiled to (`compile-cached.ts`). */
type ModuleFunction = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: Exports },
  ...rest: readonly string[]
) => void;

interface Exports {
  readonly openExchange: (...args: readonly unknown[]) => ExchangeBundle;
}

function disturbBundle(): void {
  vm.Script = class extends vm.Script {
    readonly #isExchange: boolean;

    constructor(...args: ConstructorParameters<typeof vm.Script>) {
      super(...args);
      const [, options] = args;
      const file = typeof options === 'string' ? options : options?.filename;
      this.#isExchange = exchangeFile.test(file ?? '');
    }

    override runInThisContext(...args: Parameters<vm.Script['runInThisContext']>): unknown {
      const run = super.runInThisContext(...args) as ModuleFunction;
      if (!this.#isExchange) return run;
      const disturbed: ModuleFunction = (exports, require, module, ...rest) => {
        run(exports, disturbRequire(require), module, ...rest);
        if (!isUndiciReached)
          throw new Error('undici no longer loads node:assert: see disturbRequire');
        const { openExchange } = module.exports;
        module.exports = {
          ...module.exports,
          openExchange: (...given) => disturbExchange(openExchange(...given)),
        };
      };
      return disturbed;
    }
  };
}

/** undici checks its own state with `node:assert`. */
function disturbRequire(require: NodeJS.Require): NodeJS.Require {
  return new Proxy(require, {
    apply(target, self, args: [string]) {
      const loaded: unknown = Reflect.apply(target, self, args);
      if (args[0] !== 'node:assert') return loaded;
      isUndiciReached = true;
      return new Proxy(loaded as () => void, {
        apply(assert, assertSelf, assertArgs) {
          if (state.effects.library === 'throws') throw new TypeError('a fault of the schedule');
          return Reflect.apply(assert, assertSelf, assertArgs);
        },
      });
    },
  });
}

function disturbExchange(bundle: ExchangeBundle): ExchangeBundle {
  inBundle = AsyncLocalStorage.snapshot();
  return {
    ...bundle,
    async perform(request, signal) {
      if (state.effects.library === 'hangs') return new Promise<Outcome>(() => {});
      if (state.effects.library === 'nonsense') return nonsense;
      return bundle.perform(request, signal);
    },
  };
}
