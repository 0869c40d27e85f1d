import { runInjectCommand } from '../inject/command.ts';
import { runMigrateCommand } from '../migrate/command.ts';
import { writeStderr } from '../shared/stderr.ts';
import { formatVersion } from '../shared/version-line.ts';

/**
 * The program of the npm package: the commands that work on files, for those who have Node.js and no image at hand.
 * It is part of no image, where `proxy` has the same commands.
 */
async function run([name, ...rest]: readonly string[]): Promise<number> {
  switch (name) {
    case 'inject':
    case 'uninject':
      return runInjectCommand(name, rest);
    case 'migrate':
      return runMigrateCommand(rest);
    case '--version':
      process.stdout.write(formatVersion());
      return 0;
    default:
      writeStderr(
        'Usage: inject, uninject or migrate, with [flags] [file, folder or -]...; see inject --help.\n',
      );
      return 2;
  }
}

// Whatever leaves the event loop empty before an answer has been found is a failure.
process.exitCode = 1;
void run(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
