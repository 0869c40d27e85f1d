import { emptyFault, toReadFault } from './entra/assertion-fault.ts';
import { readSmallFile } from './entra/read-small-file.ts';

/**
 * Looks at the projected ServiceAccount token as far as readiness needs: whether there is one to present.
 * Its content is judged where it is presented, in the exchanger. Never rejects; it may take as long as the
 * file system does, but a pipe, a device or a huge file is not waited for.
 * @returns what is wrong, or undefined.
 */
export async function findAssertionFault(file: string): Promise<string | undefined> {
  const toText = (is: string): string => `the file of AZURE_FEDERATED_TOKEN_FILE ${is}`;
  try {
    return (await readSmallFile(file)).trim() === '' ? toText(emptyFault.is) : undefined;
  } catch (error) {
    return toText(toReadFault((error as NodeJS.ErrnoException).code, file).is);
  }
}
