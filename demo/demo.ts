/**
 * Shows the main job without an Azure account: an application that knows only IMDS gets Entra tokens. As
 * root on Linux it runs in its own network namespace, with the real redirect. Elsewhere a variable points the
 * application at the proxy.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { tellOfBinding } from './binding-story.ts';
import { awaitInterruption, Interruption } from './interruption.ts';
import { findObstacle, inNewNamespace } from './namespace.ts';
import { createPrograms, dist } from './programs.ts';
import { say } from './screen.ts';
import { makeSharedFolder } from './shared-folder.ts';
import { type Stage, tell } from './story.ts';
import { tellOfVault } from './vault-story.ts';

const help = `Usage: npm run demo -- [OPTION]

Shows how an application that knows only the metadata service at 169.254.169.254 gets Entra tokens. Needs no
Azure account: the Entra tenant is emulated on this machine. As root on Linux, the demo makes a network
namespace and redirects the metadata address in it.

  --identity-binding   show a pod that gets its tokens through the token proxy of AKS
  --key-vault          show an application that reads a secret from a Key Vault
  --no-redirect        do not use the redirect, even where it is possible
  --help               print this text

The demo takes about ten seconds and removes everything that it made, also after Ctrl-C.
`;

/** The stories that have their own flag. */
const stories: Readonly<Record<'identity-binding' | 'key-vault', (stage: Stage) => Promise<void>>> =
  {
    'identity-binding': tellOfBinding,
    'key-vault': tellOfVault,
  };

interface Options {
  readonly story: keyof typeof stories | undefined;
  readonly hasRedirect: boolean;
  /** Set by the demo itself when it has entered the namespace. */
  readonly isInside: boolean;
}

class UsageError extends Error {}

// Before anything is made that must be removed.
const interrupted = awaitInterruption();
// Other users must be able to read the files that they need, such as the ServiceAccount token.
process.umask(0o022);
// Everything has ended and is removed: nothing that a story was still waiting for may keep the demo alive.
process.exit(await main());

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === undefined) {
      process.stdout.write(help);
      return 0;
    }
    if (!existsSync(dist)) throw new Error(`${dist} does not exist; run npm run build`);
    return await chooseStage(options);
  } catch (error) {
    if (error instanceof Interruption) {
      console.error(`\ndemo: ${error.message}`);
      return error.exitCode;
    }
    console.error(`demo: ${error instanceof Error ? error.message : error}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** @returns undefined if the help is asked for */
function parseOptions(args: readonly string[]): Options | undefined {
  const options = {
    'no-redirect': { type: 'boolean', default: false },
    'identity-binding': { type: 'boolean', default: false },
    'key-vault': { type: 'boolean', default: false },
    inside: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    if (values.help) return undefined;
    const [story, other] = (['identity-binding', 'key-vault'] as const).filter(
      (name) => values[name],
    );
    if (other !== undefined) throw new Error(`--${story} and --${other} exclude each other`);
    return { story, hasRedirect: !values['no-redirect'], isInside: values.inside };
  } catch (error) {
    const [reason] = (error as Error).message.split(/\. (?:To specify|This command)/);
    throw new UsageError(`${reason}; npm run demo -- --help lists the options`);
  }
}

async function chooseStage(options: Options): Promise<number> {
  if (options.isInside) return perform(options, true);
  const obstacle = options.hasRedirect ? findObstacle() : 'you asked to do without';
  if (obstacle === undefined) return performInside(options);
  say(`No redirect: ${obstacle}.`);
  say('The application finds the proxy by AZURE_POD_IDENTITY_AUTHORITY_HOST instead.');
  return perform(options, false);
}

async function performInside({ story }: Options): Promise<number> {
  const self = [process.execPath, import.meta.filename, '--inside'];
  const [command = '', ...args] = [...inNewNamespace, ...self, ...(story ? [`--${story}`] : [])];
  const child = spawn(command, args, { stdio: 'inherit' });
  // The process inside cleans up, so this one waits for it. A terminal signals both, other senders only one.
  interrupted.catch((reason: Interruption) => child.kill(reason.signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  if (signal !== null) throw new Interruption(signal);
  return code ?? 1;
}

async function perform({ story }: Options, hasRedirect: boolean): Promise<number> {
  const directory = makeSharedFolder('imds-demo-');
  const programs = createPrograms(directory);
  try {
    const play = story === undefined ? tell : stories[story];
    await Promise.race([play({ programs, directory, hasRedirect }), interrupted]);
    return 0;
  } finally {
    await programs.stop();
    // A story that was interrupted may still be writing its next file.
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
