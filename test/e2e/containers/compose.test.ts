import { beforeAll, expect } from 'vitest';
import { describeWithDocker } from '../../support/docker.ts';
import { generations, untilShown, withProject } from '../../support/docker-compose.ts';
import { buildImages } from '../../support/docker-images.ts';
import { shellBlock } from '../../support/shell-blocks.ts';
import { itUnless } from '../../support/skip.ts';

/** The first command of each block, which differ in nothing that matters. */
const up = [
  shellBlock('README.md', 'docker compose up'),
  shellBlock('docs/self-managed.md', 'docker compose up'),
].map((block) => (/^docker compose ([^#\n]*)/.exec(block)?.[1] ?? '').trim().split(' '));

describeWithDocker('the demo of docker-compose.yaml', () => {
  beforeAll(async () => {
    await buildImages();
  }, 600_000);

  for (const generation of generations) {
    itUnless(
      generation.obstacle,
      `${generation.name} shows tokens flowing`,
      async () => {
        await withProject('demo', generation, async ({ compose }) => {
          for (const command of up) await compose([...command, '--detach']);
          const shown = await untilShown(() => compose(['logs', 'app']), /token for .*storage/);
          expect(shown).toMatch(
            /token for https:\/\/vault\.azure\.net as 11111111-1111-4111-8111-111111111111/,
          );
          expect(shown).not.toContain('no token');
          expect(await compose(['logs', 'init'])).toContain('redirect verified');
          expect(await compose(['logs', 'proxy'])).not.toContain('"level":"error"');
        });
      },
      300_000,
    );
  }
});
