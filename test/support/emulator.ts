import { rm } from 'node:fs/promises';
import { makeSharedFolder } from '../../demo/shared-folder.ts';
import type { Emulator, EmulatorOptions } from '../../src/emulator/api.ts';
import { createEmulator } from '../../src/emulator/emulator.ts';

/** An emulator for one test or test file. Its directory is removed when it stops. */
export async function startEmulator(
  options: Omit<EmulatorOptions, 'stateDirectory' | 'ephemeral'> = {},
): Promise<Emulator> {
  // The program under test may run as another user.
  const stateDirectory = makeSharedFolder('emulator-test-');
  const remove = () => rm(stateDirectory, { recursive: true, force: true });
  try {
    const emulator = await createEmulator({ ...options, stateDirectory });
    const stop = async (): Promise<void> => {
      await emulator.stop();
      await remove();
    };
    return { ...emulator, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
