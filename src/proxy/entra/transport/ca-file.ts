import type { Logger } from '../../../shared/logger.ts';
import {
  MAX_SETTING_FILE_BYTES,
  READ_DEADLINE_MS,
  readSmallFile,
} from '../../../shared/small-file.ts';
import type { Clock } from '../../clock.ts';
import { untilAborted, withDeadline } from '../deadline.ts';
import { explainFault } from './explained-fault.ts';
import { parsePemCertificates } from './pem-certificates.ts';

/** The CA certificates that a file holds, each in PEM. The same array as long as they do not change. */
export type ReadCa = (signal: AbortSignal) => Promise<readonly string[]>;

export interface CaFileDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What was good the last time, as known from before the start. */
  readonly lastGoodPem?: string | undefined;
  /** Told of each new content that is good, for the next start. */
  readonly remember?: ((pem: string) => void) | undefined;
  /** Rejects with Node's error codes. */
  readonly readFile?: ((path: string) => Promise<string>) | undefined;
}

const VARIABLE = 'AZURE_KUBERNETES_CA_FILE';

/**
 * Reads a CA file anew each time and keeps to what was good last while it is empty, garbled or missing, as
 * it may be for a moment of its rotation.
 * @throws an explained fault if there has been nothing good so far; or the signal's reason.
 */
export function createCaReader(
  {
    clock,
    logger,
    lastGoodPem,
    remember,
    readFile = (path) => readSmallFile(path, MAX_SETTING_FILE_BYTES),
  }: CaFileDeps,
  path: string,
): ReadCa {
  const deadline = {
    afterMs: READ_DEADLINE_MS,
    toError: () => Object.assign(new Error('read deadline'), { code: 'ETIMEDOUT' }),
  };
  const never = new AbortController().signal;
  let goodPem = lastGoodPem;
  let good = goodPem === undefined ? undefined : parsePemCertificates(goodPem);
  let knownFault: string | undefined;
  let reading: Promise<readonly string[]> | undefined;

  /** Continues the sentence "The file … ". */
  const findFault = async (): Promise<string | undefined> => {
    let pem: string;
    try {
      pem = await withDeadline(clock, deadline, never, () => readFile(path));
    } catch (error) {
      return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown fault'})`;
    }
    if (pem === goodPem && good !== undefined) return undefined;
    if (pem.trim() === '') return 'is empty';
    const certificates = parsePemCertificates(pem);
    if (certificates === undefined) return 'holds no certificate, or one that cannot be parsed';
    if (good !== undefined) {
      logger.log('info', `the CA of the token proxy has changed: ${VARIABLE}`, {
        file: path,
        certificates: certificates.length,
      });
    }
    goodPem = pem;
    good = certificates;
    remember?.(pem);
    return undefined;
  };

  const read = async (): Promise<readonly string[]> => {
    const fault = await findFault();
    if (good === undefined) throw toError(fault ?? 'is empty', path);
    if (fault !== undefined && fault !== knownFault) {
      logger.log('warning', `The file of ${VARIABLE} (${path}) ${fault}; its last good CA is used`);
    }
    knownFault = fault;
    return good;
  };

  return (signal) => {
    // One at a time: a read that began earlier and ends later would bring back the old CA.
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return untilAborted(reading, signal);
  };
}

function toError(fault: string, path: string): Error {
  return explainFault({
    means: 'ERR_UNAVAILABLE',
    description: `The file of ${VARIABLE} (${path}) ${fault}.`,
    hint: 'Without the CA of the token proxy nothing can be asked of it. The azure-workload-identity webhook mounts it; if it stays so, create the pod anew.',
    retry: 'transient',
  });
}
