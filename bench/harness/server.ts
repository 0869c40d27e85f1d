import type { Launched } from './launch.ts';

export interface StartOptions {
  /** Added to the environment of every server of the benchmark. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cpu?: number | undefined;
  readonly cgroupProcs?: readonly string[];
  /**
   * Whether NODE_EXTRA_CA_CERTS names the emulator's CA; true unless told. It slows the start of every Node
   * process, which a pod does not pay that asks the real Entra: measures without an exchange leave it out.
   */
  readonly trust?: boolean;
  /** Another Node binary than the benchmark's own. */
  readonly node?: string;
}

/** A server that has answered. */
export interface StartedServer extends Launched {
  readonly port: number;
  /** The exec, in `performance.now()` milliseconds. */
  readonly startedAt: number;
  /** Its first answer. */
  readonly readyAt: number;
}
