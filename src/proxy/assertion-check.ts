// Not node:fs/promises, which costs an idle server 250 KB.
import { readFile } from 'node:fs';

/**
 * Looks at the projected ServiceAccount token as far as readiness needs: whether there is one to present.
 * Its content is judged where it is presented, in the exchanger.
 * @returns what is wrong, or undefined.
 */
export function findAssertionFault(file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    readFile(file, 'utf8', (error, text) => {
      if (error !== null) {
        resolve(`AZURE_FEDERATED_TOKEN_FILE names a file that cannot be read: ${error.code}`);
      } else {
        const isEmpty = text.trim() === '';
        resolve(isEmpty ? 'AZURE_FEDERATED_TOKEN_FILE names an empty file' : undefined);
      }
    });
  });
}
