import { buildInfo } from '../shared/version.ts';
import { parseCommand } from './cli/command.ts';
import { toHelp } from './cli/flags.ts';
import { serve, type Terminal, toMessage } from './cli/serve.ts';
import { InputError } from './input.ts';

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
  ended: new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  }),
};

// If the reader of our output is gone, we still clean up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

/** @returns the exit code: 0, 1 for a start that failed, 2 for arguments at fault */
async function main(args: readonly string[]): Promise<number> {
  try {
    const command = parseCommand(args);
    switch (command.kind) {
      case 'help':
        process.stdout.write(toHelp());
        break;
      case 'version':
        terminal.out(JSON.stringify({ name: 'emulator', ...buildInfo }));
        break;
      case 'serve':
        await serve(command, terminal);
        break;
    }
    return 0;
  } catch (error) {
    terminal.error(`emulator: ${toMessage(error)}`);
    if (!(error instanceof InputError)) return 1;
    terminal.error('Run `emulator --help` for all flags.');
    return 2;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
