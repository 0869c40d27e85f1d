import { readSmallFile, toErrorCode } from '../shared/small-file.ts';
import type { AssertionsState } from './admin/readiness.ts';
import { proxyOptions } from './config/options.ts';
import type { ProxyConfig } from './config/proxy-config.ts';
import { MAX_ASSERTION_BYTES } from './entra/exchange/assertion.ts';
import { emptyFault, toReadFault } from './entra/exchange/assertion-fault.ts';

/** A file that should hold a ServiceAccount token. */
export interface AssertionFile {
  readonly path: string;
  /** What names it, without an identity: anyone may read readiness. */
  readonly setting: string;
}

/** The files of ServiceAccount tokens: that of most identities, and those of some of their own. */
export function toAssertionFiles({
  federatedTokenFile,
  identities,
}: Pick<ProxyConfig, 'federatedTokenFile' | 'identities'>): AssertionFile[] {
  const usual = { path: federatedTokenFile, setting: proxyOptions.federatedTokenFile.env };
  const own = new Set(identities.map(({ tokenFile }) => tokenFile));
  own.delete(federatedTokenFile);
  const setting = `a tokenFile in ${proxyOptions.identities.env}`;
  return [usual, ...[...own].flatMap((path) => (path === undefined ? [] : [{ path, setting }]))];
}

/**
 * Looks at the files of ServiceAccount tokens as far as readiness needs: whether there is anything to
 * present. The content is judged where it is presented, in the exchanger. Never rejects; it may take as
 * long as the file system does, but a pipe, a device or a huge file is not waited for.
 */
export async function checkAssertionFiles(
  files: readonly AssertionFile[],
): Promise<AssertionsState> {
  const found = await Promise.all(files.map(findFault));
  const faults = found.filter((fault) => fault !== undefined);
  return { canPresent: faults.length < files.length, fault: faults[0] };
}

async function findFault({ path, setting }: AssertionFile): Promise<string | undefined> {
  const toText = (is: string): string => `the file of ${setting} ${is}`;
  try {
    return (await readSmallFile(path, MAX_ASSERTION_BYTES)).trim() === ''
      ? toText(emptyFault.is)
      : undefined;
  } catch (error) {
    return toText(toReadFault(toErrorCode(error), path).is);
  }
}
