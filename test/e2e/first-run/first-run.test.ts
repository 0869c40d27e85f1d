/**
 * What a person meets who has just cloned the project: the first command of README.md, in the places and under
 * the circumstances that differ from the maintainers' own machines. Nothing may stay behind afterwards.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  createFreshMachine,
  type Ended,
  type FreshMachine,
  homes,
} from '../../support/fresh-machine.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { shellBlock } from '../../support/shell-blocks.ts';

const firstCommand = shellBlock('README.md', 'npm ci && npm run demo').trim();

const isTrace = /^\s+at .+:\d+:\d+\)?$/m;
const end = 'That was all of it. Nothing is left behind.';

function assertTold({ how, output }: Ended): void {
  expect(how, output).toBe(0);
  expect(output).toContain(end);
  expect(output).not.toMatch(isTrace);
}

describeInNamespaces('on a fresh machine', () => {
  let machine: FreshMachine;
  beforeAll(async () => {
    machine = await createFreshMachine();
  });
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    expect(await machine.findLeftovers()).toEqual([]);
  });

  const clone = `${homes.root}/clone`;
  let files: readonly string[];

  test('root, in a home folder that only root can enter', async () => {
    await machine.copyProject(clone);
    files = machine.listProject(clone);
    const ended = await machine.run(clone, firstCommand);
    assertTold(ended);
    expect(ended.output).toContain('redirect verified');
    expect(ended.output).toContain('as user 1501');
    expect(ended.output).not.toContain('npm warn');
    expect(machine.listProject(clone)).toEqual(files);
  });

  test.each(['--identity-binding', '--key-vault'])('root, there, with %s', async (flag) => {
    assertTold(await machine.run(clone, `npm run demo -- ${flag}`));
  });

  test('root, without iptables and curl', async () => {
    const ended = await machine.run(clone, 'npm run demo', {
      without: /^(?:curl|iptables.*|xtables.*|ip6tables.*|nft)$/,
    });
    assertTold(ended);
    expect(ended.output).toContain('No redirect: iptables-nft-restore is not in the PATH');
  });

  test('root, without any program that only Linux has', async () => {
    const ended = await machine.run(clone, 'npm run demo -- --key-vault', {
      without: /^(?:curl|ip|ss|iptables.*|xtables.*|nft|unshare|nsenter|setpriv|setsid|mount)$/,
    });
    assertTold(ended);
    expect(ended.output).toContain('No redirect: ip is not in the PATH');
  });

  test('two at the same time', async () => {
    const both = [machine.run(clone, 'npm run demo'), machine.run(clone, 'npm run demo')];
    for (const ended of await Promise.all(both)) assertTold(ended);
  });

  test.each([
    ['the build', '', 'node build/build.ts'],
    ['the start of the programs', '', '1. A pod on this machine'],
    ['the first token', '', '2. An application asks'],
    ['an outage', '', '5. Entra goes down'],
    ['the first secret', '--key-vault', '2. The Key Vault'],
    ['a run without redirect', '--no-redirect', '2. An application asks'],
  ])('Ctrl-C during %s', async (_, flag, text) => {
    let isInterrupted = false;
    const { how, output } = await machine.run(clone, `npm run demo -- ${flag}`, {
      onOutput(sofar, interrupt) {
        if (isInterrupted || !sofar.includes(text)) return;
        isInterrupted = true;
        interrupt();
      },
    });
    expect(isInterrupted, output).toBe(true);
    expect(output).not.toContain(end);
    expect(output).not.toMatch(isTrace);
    expect(how, output).toBe(130);
    expect(machine.listProject(clone)).toEqual(files);
  });

  test('root, below a folder with a space in its name', async () => {
    const spaced = `${homes.root}/my projects/clone`;
    const move = `mkdir '${homes.root}/my projects' && mv ${clone} '${spaced}'`;
    expect((await machine.run('/', move)).how).toBe(0);
    assertTold(await machine.run(spaced, 'npm run demo'));
    assertTold(await machine.run(spaced, 'npm run demo -- --no-redirect'));
  });

  test('an ordinary user, in their home folder', async () => {
    const folder = `${homes.user}/clone`;
    await machine.copyProject(folder, 'user');
    const ended = await machine.run(folder, firstCommand, { who: 'user' });
    assertTold(ended);
    expect(ended.output).toContain('No redirect: a network namespace needs root.');
  });
});
