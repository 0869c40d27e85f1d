import { readSmallFile, toErrorCode } from '../../../shared/small-file.ts';
import { type Clock, sleep } from '../../clock.ts';
import { deadlines, withDeadline } from '../../deadlines.ts';
import {
  type AssertionFault,
  emptyFault,
  findAssertionDoubt,
  findAssertionFault,
  malformedFault,
  toAssertionError,
  toReadFault,
} from '../explain/assertion-fault.ts';
import type { ExchangeMode } from '../settings.ts';
import {
  type Assertion,
  type AssertionClaims,
  MAX_ASSERTION_BYTES,
  parseAssertion,
} from './assertion.ts';

/**
 * The assertion as the file holds it now.
 * @throws ProxyError with ERR_ASSERTION that names the file's variable, the fault and the remedy, and never
 * the content; or the signal's reason.
 */
export type ReadAssertion = (signal: AbortSignal) => Promise<Assertion>;

export interface FederatedTokenDeps {
  readonly clock: Clock;
  /** Rejects with Node's error codes. */
  readonly readFile?: ((path: string) => Promise<string>) | undefined;
}

export interface FederatedTokenOptions {
  readonly path: string;
  /** Whom the token is for. Default federation. */
  readonly mode?: ExchangeMode | undefined;
  /** The mode of identities that set none. Default `mode`. */
  readonly usualMode?: ExchangeMode | undefined;
  /** Names the file in messages. Default AZURE_FEDERATED_TOKEN_FILE. */
  readonly setting?: string | undefined;
}

/** A fault that the kubelet's next rotation may fix is looked at again after these waits. */
const REREAD_AFTER_MS: readonly number[] = [250, 500];

/**
 * Reads the projected token again each time. A copy in memory would work until the access token expires, a day
 * later, and would be expired by then (AADSTS700024).
 */
export function createAssertionReader(
  { clock, readFile = readAssertionFile }: FederatedTokenDeps,
  {
    path,
    mode = 'federation',
    usualMode = mode,
    setting = 'AZURE_FEDERATED_TOKEN_FILE',
  }: FederatedTokenOptions,
): ReadAssertion {
  const deadline = {
    afterMs: deadlines.readMs,
    toError: () => Object.assign(new Error('read deadline'), { code: 'ETIMEDOUT' }),
  };

  const readOnce = async (signal: AbortSignal): Promise<Assertion | AssertionFault> => {
    let text: string;
    try {
      text = (await withDeadline(clock, deadline, signal, () => readFile(path))).trim();
    } catch (error) {
      signal.throwIfAborted();
      return toReadFault((error as NodeJS.ErrnoException).code, path);
    }
    return judge(text, clock.epochMs(), mode, usualMode);
  };

  return async (signal) => {
    for (let round = 0; ; round += 1) {
      const found = await readOnce(signal);
      if ('claims' in found) return found;
      const waitMs = REREAD_AFTER_MS[round];
      if (waitMs === undefined || !found.mayPass) {
        throw toAssertionError(found, path, setting);
      }
      await sleep(clock, waitMs, signal);
    }
  };
}

/** What a look at a token file found. */
export interface AssertionInspection {
  /** Why the token cannot be presented or will be refused: continues "The file … ". */
  readonly fault?: string;
  /** Why it may be refused, which only Entra or the token proxy can tell. */
  readonly doubt?: string;
  /** As the token says, whether or not it can be used; undefined without a token, or if it does not say. */
  readonly issuedAtSeconds?: number | undefined;
  readonly expiresAtSeconds?: number | undefined;
}

/** Looks at a token file once, now, without its remedies. Otherwise as `examineAssertion`. */
export async function inspectAssertion(
  deps: FederatedTokenDeps,
  options: FederatedTokenOptions,
): Promise<AssertionInspection> {
  const { claims, fault, doubt } = await examineAssertion(deps, options);
  return {
    ...(fault !== undefined && { fault: fault.is }),
    ...(doubt !== undefined && { doubt: doubt.is }),
    ...(claims !== undefined && {
      issuedAtSeconds: claims.issuedAtSeconds,
      expiresAtSeconds: claims.expiresAtSeconds,
    }),
  };
}

/** The claims of a token file and its problem, if any: at most one of `fault` and `doubt`, as `AssertionInspection` has them. */
export interface AssertionExamination {
  /** As the token says, whether or not it can be used; undefined without a token. */
  readonly claims?: AssertionClaims | undefined;
  readonly fault?: Pick<AssertionFault, 'is' | 'hint'> | undefined;
  readonly doubt?: Pick<AssertionFault, 'is' | 'hint'> | undefined;
}

/**
 * Looks at a token file once, now, and judges it as an exchange would. Never rejects.
 * @param options `setting` is not used.
 */
export async function examineAssertion(
  { clock, readFile = readAssertionFile }: FederatedTokenDeps,
  { path, mode = 'federation', usualMode = mode }: FederatedTokenOptions,
): Promise<AssertionExamination> {
  let text: string;
  try {
    text = (await readFile(path)).trim();
  } catch (error) {
    return { fault: toReadFault(toErrorCode(error), path) };
  }
  const nowMs = clock.epochMs();
  const found = judge(text, nowMs, mode, usualMode);
  if (!('claims' in found)) return { claims: parseAssertion(text)?.claims, fault: found };
  const { claims } = found;
  const doubt = findAssertionDoubt(found, nowMs, mode);
  if (doubt === undefined) return { claims };
  return doubt.isCertain ? { claims, fault: doubt } : { claims, doubt };
}

function readAssertionFile(path: string): Promise<string> {
  return readSmallFile(path, MAX_ASSERTION_BYTES);
}

function judge(
  text: string,
  nowMs: number,
  mode: ExchangeMode,
  usualMode: ExchangeMode,
): Assertion | AssertionFault {
  if (text === '') return emptyFault;
  const assertion = parseAssertion(text);
  if (assertion === undefined) return malformedFault;
  return findAssertionFault(assertion, nowMs, mode, usualMode) ?? assertion;
}
