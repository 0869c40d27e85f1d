/** What the parent tells the module that is preloaded into the process of the proxy. */
import type { ProcessEffects } from './effects.ts';

/** The state that the process starts with, as JSON in an environment variable. */
export interface PreloadState {
  readonly effects: ProcessEffects;
  readonly wallOffsetMs: number;
  readonly tokenFile: string;
}

export const stateVariable = 'CHAOS_PRELOAD';

/** What the parent can call. */
export type PreloadMethods = {
  set(state: PreloadState): void;
  /** Lets a callback of the loaded bundle throw, so that the proxy drops it. */
  failOutside(): void;
};
