import type { Client } from './client.ts';
import type { Played } from './play.ts';

/** What became of one client in a run of the laboratory. */
export type Outcome =
  | { readonly client: Client; readonly state: 'skipped'; readonly reason: string }
  | {
      readonly client: Client;
      readonly state: 'passed' | 'failed';
      readonly played: readonly Played[];
      readonly seconds: number;
    };

export interface Report {
  readonly seconds: number;
  /** How many clients were at work at a time. */
  readonly jobs: number;
  readonly outcomes: readonly Outcome[];
}
