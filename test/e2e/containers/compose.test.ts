import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { isCi } from '../../support/ci.ts';
import { describeWithDocker } from '../../support/docker.ts';
import { builderEnv, buildImages } from '../../support/docker-images.ts';
import { owner } from '../../support/docker-owner.ts';

const execute = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;
const cwd = join(import.meta.dirname, '../../..');

/** Both generations of compose, as they are called. */
const generations = [['docker', 'compose'], ['docker-compose']] as const;

function findObstacle([file, ...args]: readonly string[]): string | undefined {
  try {
    execFileSync(file ?? '', [...args, 'version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'is not installed';
  }
}

describeWithDocker('the demo of docker-compose.yaml', () => {
  beforeAll(async () => {
    await buildImages();
  }, 600_000);

  it.each(generations.map((command) => ({ name: command.join(' '), command })))(
    '$name shows tokens flowing',
    async ({ name, command }) => {
      const obstacle = findObstacle(command);
      if (obstacle !== undefined && !isCi) {
        console.log(`${name} ${obstacle}: skipped`);
        return;
      }
      expect(obstacle, name).toBeUndefined();
      const [file, ...before] = command;
      // A project of this test's own, beside one that may be running.
      const compose = async (...args: readonly string[]): Promise<string> => {
        const all = [...before, '-p', `${owner}-${before.length}`, ...args];
        const { stdout } = await execute(file, all, { cwd, env: builderEnv, maxBuffer });
        return stdout;
      };
      try {
        await compose('up', '--build', '--detach');
        const shown = await untilShown(() => compose('logs', 'app'), /token for .*storage/);
        expect(shown).toMatch(
          /token for https:\/\/vault\.azure\.net as 11111111-1111-4111-8111-111111111111/,
        );
        expect(shown).not.toContain('no token');
        expect(await compose('logs', 'init')).toContain('redirect verified');
        expect(await compose('logs', 'proxy')).not.toContain('"level":"error"');
      } finally {
        await compose('--profile', 'entra', 'down', '--volumes', '--timeout', '10');
      }
    },
    300_000,
  );

  it('the profile for a real tenant says which variable is missing', async () => {
    const { stdout } = await execute('docker', [
      'run',
      '--rm',
      '--network=none',
      '--env=AZURE_CLIENT_ID=',
      '--env=AZURE_TENANT_ID=',
      '--env=AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token',
      'workload-identity-imds-proxy/proxy:demo',
    ]).catch((error: { stdout: string; stderr: string }) => ({ stdout: error.stderr }));
    expect(stdout).toContain('AZURE_TENANT_ID not set');
  });
});

async function untilShown(read: () => Promise<string>, wanted: RegExp): Promise<string> {
  let shown = '';
  for (let attempt = 0; attempt < 60 && !wanted.test(shown); attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    shown = await read();
  }
  return shown;
}
