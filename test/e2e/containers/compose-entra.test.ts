/**
 * The half of docker-compose.yaml that is for a tenant of the reader's own, step by step as
 * docs/self-managed.md has it; the emulator stands for Entra, as the authority of another cloud would.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { createServerIdentity } from '../../../src/emulator/tls/throwaway-ca.ts';
import { describeWithDocker, startContainer } from '../../support/docker.ts';
import {
  type Generation,
  generations,
  type Project,
  untilShown,
  withProject,
} from '../../support/docker-compose.ts';
import { buildImages } from '../../support/docker-images.ts';
import { shellBlock } from '../../support/shell-blocks.ts';
import { itUnless } from '../../support/skip.ts';

const tenantId = '33333333-3333-4333-8333-333333333333';
const ofCluster = '44444444-4444-4444-8444-444444444444';
const ofLaptop = '55555555-5555-4555-8555-555555555555';
const issuer = 'https://issuer-web:8443/oidc';

const root = join(import.meta.dirname, '../../..');

/** What a reader's own tenant, web server and machine have, and the compose file does not. */
const surroundings = `
services:
  emulator:
    command:
      - --public-name=emulator
      - --tenant-port=8443
      - --issuer-port=8444
      - --admin-port=8080
      - --tenant-id=${tenantId}
      - --identity=name=cluster,client-id=${ofCluster}
      - --identity=name=laptop,client-id=${ofLaptop},issuer=${issuer},subject=laptop
    environment: { NODE_EXTRA_CA_CERTS: /web/ca.crt }
    volumes: ["./web:/web:ro"]
  issuer-web:
    image: workload-identity-imds-proxy/app:demo
    build: { context: ${root}, dockerfile: examples/compose/Dockerfile, target: app, args: [BUILD_IMAGE] }
    command: [node, /web/server.cjs]
    volumes: ["./web:/web:ro"]
  entra-proxy:
    volumes: ["./trusted:/trusted:ro"]
`;

const server = `
const { createServer } = require('node:https');
const { readFileSync } = require('node:fs');
const documents = {
  '/oidc/.well-known/openid-configuration': 'openid-configuration',
  '/oidc/openid/v1/jwks': 'jwks',
};
createServer({ cert: readFileSync('/web/server.crt'), key: readFileSync('/web/server.key') }, (request, response) => {
  const document = documents[request.url];
  if (document === undefined) response.writeHead(404).end();
  else response.end(readFileSync('/web/' + document));
}).listen(8443);
process.on('SIGTERM', () => process.exit(0));
`;

/** How a reader gets the two documents of the issuer: arguments of compose, and the file that it writes to. */
const documentCommands = [
  ...shellBlock('docs/self-managed.md', 'docker compose --profile entra build').matchAll(
    /^docker compose ([^>\n]*)(?:> (\S+))?$/gm,
  ),
].map(([, args = '', output]) => ({ args: args.trim().split(' '), output }));

describeWithDocker('the profile for a real tenant', () => {
  let proxy: string;
  beforeAll(async () => {
    ({ proxy } = await buildImages());
  }, 600_000);

  /** Starts all that is not in the reader's compose file, and says what the emulator's files hold. */
  const withTenant = async (
    name: string,
    generation: Generation,
    act: (project: Project, readState: (file: string) => Promise<string>) => Promise<void>,
  ): Promise<void> => {
    await withProject(
      name,
      generation,
      async (project) => {
        const { compose, folder } = project;
        const write = async (file: string, text: string): Promise<void> => {
          await mkdir(join(folder, file, '..'), { recursive: true });
          await writeFile(join(folder, file), text);
        };
        const tls = await createServerIdentity(['issuer-web'], Date.now());
        await write('surroundings.yaml', surroundings.replaceAll('./', `${folder}/`));
        await write('web/ca.crt', tls.caPem);
        await write('web/server.crt', tls.certificatePem);
        await write('web/server.key', tls.privateKeyPem);
        await write('web/server.cjs', server);
        await compose(['up', '--build', '--detach', 'emulator', 'issuer-web']);
        const readState = (file: string): Promise<string> =>
          compose(['exec', '-T', 'emulator', 'cat', `/state/${file}`]);
        await write('trusted/ca.crt', await untilShown(() => readState('ca.crt'), /^-----BEGIN/));
        await act(project, readState);
      },
      ['surroundings.yaml'],
    );
  };

  const env = {
    AZURE_TENANT_ID: tenantId,
    AZURE_AUTHORITY_HOST: 'https://emulator:8443/',
    ENTRA_CA_FILE: '/trusted/ca.crt',
  };
  const assertTokens = async ({ compose }: Project, clientId: string): Promise<void> => {
    const logs = (service: string): Promise<string> =>
      compose(['--profile', 'entra', 'logs', service], env);
    const shown = await untilShown(() => logs('entra-app'), /token for .*storage/);
    expect(shown, await logs('entra-proxy')).toMatch(
      new RegExp(`token for https://vault\\.azure\\.net as ${clientId}`),
    );
    expect(await logs('entra-init')).toContain('redirect verified');
  };

  for (const generation of generations) {
    itUnless(
      generation.obstacle,
      `${generation.name}: a token of a cluster, from a folder of the reader's`,
      async () => {
        await withTenant('cluster', generation, async (project, readState) => {
          const folder = join(project.folder, 'token');
          await mkdir(folder);
          const token = await readState('token/azure-identity-token');
          await writeFile(join(folder, 'azure-identity-token'), token);
          const own = { ...env, AZURE_CLIENT_ID: ofCluster, FEDERATED_TOKEN_FOLDER: folder };
          const up = ['--profile', 'entra', 'up', '--build', '--attach-dependencies', 'entra-app'];
          const wanted = [
            /entra-proxy\S* +\| .*starting the proxy server/,
            /entra-app\S* +\| token for/,
          ];
          const shown = await project.watch(up, wanted, own);
          for (const line of wanted) expect(shown).toMatch(line);
          await assertTokens(project, ofCluster);
        });
      },
      300_000,
    );

    itUnless(
      generation.obstacle,
      `${generation.name}: tokens of an OIDC issuer of the reader's own`,
      async () => {
        await withTenant('issuer', generation, async (project) => {
          const own = {
            ...env,
            AZURE_CLIENT_ID: ofLaptop,
            FEDERATED_TOKEN_FOLDER: 'issued',
            ISSUER: issuer,
          };
          for (const { args, output } of documentCommands) {
            const printed = await project.compose(args, own);
            expect(printed).not.toContain('PRIVATE');
            if (output !== undefined) {
              await writeFile(join(project.folder, 'web', output), printed);
            }
          }
          const services = ['entra-issuer', 'entra-app'];
          await project.compose(
            ['--profile', 'entra', 'up', '--build', '--detach', ...services],
            own,
          );
          await assertTokens(project, ofLaptop);
        });
      },
      300_000,
    );
  }

  it('says which variable is missing', async () => {
    const container = await startContainer('proxy', {
      Image: proxy,
      Env: ['AZURE_CLIENT_ID=', 'AZURE_TENANT_ID=', 'AZURE_FEDERATED_TOKEN_FILE=/token'],
      HostConfig: { NetworkMode: 'none' },
    });
    try {
      expect(await container.ended()).toBe(1);
      expect(await container.logs()).toContain('AZURE_TENANT_ID not set');
    } finally {
      await container.remove();
    }
  });
});
