import { readFile } from 'node:fs/promises';

/**
 * Looks at the projected ServiceAccount token as far as readiness needs: whether there is one to present.
 * Its content is judged where it is presented, in the exchanger.
 * @returns what is wrong, or undefined.
 */
export async function findAssertionFault(file: string): Promise<string | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    return text.trim() === '' ? 'AZURE_FEDERATED_TOKEN_FILE names an empty file' : undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return `AZURE_FEDERATED_TOKEN_FILE names a file that cannot be read: ${code}`;
  }
}
