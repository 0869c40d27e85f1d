export type TerminationSignal = 'SIGTERM' | 'SIGINT';

/**
 * Handles the process's termination signals from now on. Without a handler, process 1 of a container ignores
 * them. Until somebody takes them over, a signal ends the process with 0: nothing runs yet that must stop.
 * @returns a function that takes the signals over.
 */
export function watchSignals(
  target: Pick<NodeJS.Process, 'on' | 'exit'>,
): (handle: (name: TerminationSignal) => void) => void {
  let handle: (name: TerminationSignal) => void = () => target.exit(0);
  for (const name of ['SIGTERM', 'SIGINT'] as const) target.on(name, () => handle(name));
  // Without a handler, Node would open a debugger port.
  target.on('SIGUSR1', () => {});
  return (next) => {
    handle = next;
  };
}
