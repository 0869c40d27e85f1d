import type { ContentName } from './azure.ts';
import { type Scenario, type ScenarioName, scenarios } from './scenarios.ts';

export const languages = [
  'JavaScript',
  'shell',
  'Python',
  'Go',
  'Java',
  'Rust',
  '.NET',
  'C++',
  'C',
] as const;
export type Language = (typeof languages)[number];
/** Where clients come from and how they start: the registry of a language, or a distribution. */
export type EcosystemName = Exclude<Language, 'C++' | 'C'> | 'Debian' | 'npm program';

/** What a library offers: tokens, in which of the ways, or what a service keeps for those that have one. */
export type Ability =
  | 'token'
  /** Tokens, by a program that first logs in and has a process for each command. */
  | 'login'
  /** Tokens, by a program that has a process for each and takes seconds to start. */
  | 'process'
  | ContentName
  | 'clientId'
  | 'objectId'
  | 'resourceId'
  | 'chain'
  | 'defaultChain';

/** What a library makes of a refusal. */
export interface RefusalForm {
  /** Name of the error's class, as the program prints it. */
  readonly error: string;
  /** Whether its message has Entra's words and our hint. Default true. */
  readonly isExplained?: boolean;
}

/** What a client does otherwise than a scenario expects, of its own accord. */
export interface Caveat {
  /**
   * What must be seen for this caveat to hold: a token after all, or an error of this name, with these words in
   * its message if the name alone says too little.
   */
  readonly observed: 'token' | 'fallback' | { readonly error: string; readonly words?: string };
  /** Whether it is seen now and then only, such as on a busy machine. */
  readonly isOccasional?: boolean;
  /** It holds only if the proxy has answered each of the client's probes within this time: otherwise it is ours. */
  readonly probeMs?: number;
  /** Why that is the client's own doing, for the reader of the documentation. */
  readonly because: string;
}

/** A library that applications get tokens with. */
export interface Client {
  /** Name of its fixture, and of its directory in the cache. */
  readonly id: string;
  readonly language: Language;
  /** Where it comes from, if not from the registry of its language. */
  readonly ecosystem?: EcosystemName;
  readonly library: string;
  /** What readers know it as, if the end of its name does not say it. */
  readonly title?: string;
  readonly version: string;
  /** Name of its program in programs/. */
  readonly program: string;
  /** Python modules of programs/python that the program needs. */
  readonly modules?: readonly string[];
  /** Debian packages of the shared libraries that a native program needs. */
  readonly libraries?: readonly string[];
  /** Further packages of the same registry that the program needs, each with its version. */
  readonly packages?: readonly string[];
  /** Parts of the library that have to be asked for, where the ecosystem knows such. */
  readonly features?: readonly string[];
  readonly abilities: readonly Ability[];
  /** Names of the service that its program is as well, if the library hands its token to a service only. */
  readonly service?: readonly string[];
  /** The only resource that the library asks for, if it leaves no choice. */
  readonly onlyResource?: string;
  /** Of those that can ask for an identity by client ID. */
  readonly refusal?: RefusalForm;
  readonly caveats?: Readonly<Partial<Record<ScenarioName, Caveat>>>;
  /** What a reader should know of it in any case. */
  readonly remark?: string;
  /** Whether it installs within seconds, and so also runs with the tests. */
  readonly isQuick?: boolean;
}

/** @throws if it is said nowhere where the client comes from */
export function toEcosystemName({ id, language, ecosystem }: Client): EcosystemName {
  if (ecosystem !== undefined) return ecosystem;
  if (language !== 'C' && language !== 'C++') return language;
  throw new Error(`${id}: name its ecosystem; ${language} has no registry`);
}

const anyToken: readonly Ability[] = ['token', 'login', 'process'];

/** Each of these is enough. */
const needs: Readonly<Record<ScenarioName, readonly Ability[]>> = {
  outage: [...anyToken, 'secret', 'blob'],
  default: anyToken,
  down: anyToken,
  throttled: anyToken,
  concurrent: ['token'],
  shortLived: anyToken,
  secret: ['secret'],
  blob: ['blob'],
  subscription: ['subscription'],
  clientId: ['clientId'],
  objectId: ['objectId'],
  resourceId: ['resourceId'],
  twoIdentities: ['clientId'],
  unknown: ['clientId'],
  afterUnavailable: ['chain'],
  beforeFallback: ['chain'],
  probeCold: ['defaultChain'],
  probeDown: ['defaultChain'],
  probeThrottled: ['defaultChain'],
};

/** Whether the library has what a scenario is about. */
export function canPlay({ abilities }: Client, scenario: ScenarioName): boolean {
  return needs[scenario].some((ability) => abilities.includes(ability));
}

/** A scenario as a client plays it. A client that hands out no token reads content, which proves that it has one. */
export function toScenario({ abilities }: Client, name: ScenarioName): Scenario {
  const scenario: Scenario = scenarios[name];
  const content = (['secret', 'blob'] as const).find((one) => abilities.includes(one));
  const isShown = scenario.expected !== 'token' || abilities.some((one) => anyToken.includes(one));
  return isShown || content === undefined
    ? scenario
    : { ...scenario, credential: 'default', selectors: [content], expected: content };
}
