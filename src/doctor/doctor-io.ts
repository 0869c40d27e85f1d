import type { Environment } from '../shared/options.ts';

/** What the doctor needs of its process. */
export interface DoctorIo {
  /** Resolves when all of it is written, or when nobody reads any more. */
  stdout(text: string): Promise<void>;
  stderr(text: string): Promise<void>;
  readonly env: Environment;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
}

export function createDoctorIo(env: Environment): DoctorIo {
  return {
    stdout: (text) => write(process.stdout, text),
    stderr: (text) => write(process.stderr, text),
    env,
    isTerminal: process.stdout.isTTY === true,
  };
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    // Of a reader that has gone, such as `head`, the stream tells by an event as well.
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
    stream.write(text, () => resolve());
  });
}
