/**
 * Shows the main job without an Azure account: an application that knows nothing but IMDS gets Entra
 * tokens. As root on Linux it runs in a network namespace of its own, with the real redirect; elsewhere
 * the application is pointed at the proxy by a variable.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tellOfBinding } from './binding-story.ts';
import { createNamespace, findObstacle, type Namespace } from './namespace.ts';
import { createPrograms } from './programs.ts';
import { say } from './screen.ts';
import { type Stage, tell } from './story.ts';
import { tellOfVault } from './vault-story.ts';

const { values: options } = parseArgs({
  options: {
    /** Do without the redirect even where it could be had. */
    'no-redirect': { type: 'boolean', default: false },
    /** Tell of a pod with identity binding instead. */
    'identity-binding': { type: 'boolean', default: false },
    /** Tell of an application that reads a secret from a Key Vault instead. */
    'key-vault': { type: 'boolean', default: false },
    /** Set by the demo itself when it has entered the namespace. */
    inside: { type: 'boolean', default: false },
  },
});

/** The stories that have a flag of their own. */
const stories: Readonly<Record<'identity-binding' | 'key-vault', (stage: Stage) => Promise<void>>> =
  {
    'identity-binding': tellOfBinding,
    'key-vault': tellOfVault,
  };
const chosen = (['identity-binding', 'key-vault'] as const).find((name) => options[name]);

process.exitCode = options.inside ? await perform(true) : await chooseStage();

async function chooseStage(): Promise<number> {
  const obstacle = options['no-redirect'] ? 'asked to do without' : findObstacle();
  if (obstacle === undefined) {
    let namespace: Namespace;
    try {
      namespace = createNamespace(`imds-demo-${process.pid}`);
    } catch (error) {
      return performWithout(`no network namespace can be made here (${(error as Error).message})`);
    }
    return performInside(namespace);
  }
  return performWithout(obstacle);
}

function performWithout(obstacle: string): Promise<number> {
  say(`No redirect: ${obstacle}.`);
  say('The application finds the proxy by AZURE_POD_IDENTITY_AUTHORITY_HOST instead.');
  return perform(false);
}

async function performInside({ enter, remove }: Namespace): Promise<number> {
  const [command = '', ...before] = enter;
  const story = chosen === undefined ? [] : [`--${chosen}`];
  const self = [process.execPath, import.meta.filename, '--inside', ...story];
  const child = spawn(command, [...before, ...self], { stdio: 'inherit' });
  // A terminal sends its signals to the child as well; here they only must not end the clean-up.
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'));
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    remove();
  }
}

async function perform(hasRedirect: boolean): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'imds-demo-'));
  await chmod(directory, 0o755);
  const programs = createPrograms(directory);
  const interrupted = new Promise<never>((_, reject) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => reject(new Error(`interrupted by ${name}`)));
    }
  });
  try {
    const story = chosen === undefined ? tell : stories[chosen];
    await Promise.race([story({ programs, directory, hasRedirect }), interrupted]);
    return 0;
  } catch (error) {
    console.error(`demo: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    await programs.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
