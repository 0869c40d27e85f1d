import type { Client } from './client.ts';

/** A command and its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** How clients of a language are fetched, built and started. */
export interface Ecosystem {
  /** What has to be on the machine. */
  readonly tools: readonly string[];
  /** Files of programs/, and directories whose files are meant, that are copied side by side. */
  sources(client: Client): readonly string[];
  /** Files that tell the ecosystem's tool what to fetch; `lock` is undefined while there is none. */
  manifest(client: Client, lock: string | undefined): Readonly<Record<string, string>>;
  /** Files that name every package with its version, those that packages need included. */
  readonly lockFiles: readonly string[];
  /** Commands, run in the client's directory, that choose versions and leave the lock files. */
  lock(client: Client): readonly Command[];
  /** Commands, run in the client's directory, that fetch what the lock files say, and build. */
  install(client: Client): readonly Command[];
  /** How the program is started; its arguments follow. */
  command(client: Client, directory: string): readonly string[];
  /** Command whose output has the newest release of the library, as the first version in it. */
  findRelease?(client: Client): Command;
  /** Commands that succeed, in an empty directory, if the registry is there; none if there is no registry. */
  readonly findRegistry: readonly Command[];
}

/** The library and what its program needs besides, as a tool wants to have them named. */
export function pin(separator: string, client: Client): readonly string[] {
  return [`${client.library}${separator}${client.version}`, ...(client.packages ?? [])];
}
