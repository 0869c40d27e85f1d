import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServerIdentity } from '../../src/emulator/tls/throwaway-ca.ts';
import { dist } from './proxy-process.ts';

/** A web server with the documents of an issuer, which programs reach under the issuer's own name. */
export interface IssuerSite extends AsyncDisposable {
  /** Leads every connection of a program to this server, and lets it trust the server's CA. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Serves the files of a folder at `https://HOST/`, with a CA that nobody else knows.
 * @param folder the CA's certificate is written beside it.
 * @param prefix of the paths, before the folder begins: `/oidc`.
 */
export async function serveIssuer(
  folder: string,
  { host, prefix }: { readonly host: string; readonly prefix: string },
): Promise<IssuerSite> {
  const { caPem, certificatePem, privateKeyPem } = await createServerIdentity([host], Date.now());
  const site = createHttpsServer(
    { cert: certificatePem, key: privateKeyPem },
    (request, response) => {
      const path = (request.url ?? '').slice(prefix.length);
      readFile(join(folder, path)).then(
        (body) => response.writeHead(200, { 'Cache-Control': 'public, max-age=3600' }).end(body),
        () => response.writeHead(404).end('nothing here'),
      );
    },
  );
  await new Promise<void>((resolve) => void site.listen(0, '127.0.0.1', resolve));
  const { port } = site.address() as AddressInfo;
  // Whatever name is asked for, the tunnel leads to the site.
  const tunnels = createHttpServer();
  tunnels.on('connect', (_, client, head) => {
    const server = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy());
    client.on('error', () => server.destroy());
  });
  await new Promise<void>((resolve) => void tunnels.listen(0, '127.0.0.1', resolve));
  const caFile = `${folder}-ca.pem`;
  await writeFile(caFile, caPem);
  return {
    env: {
      HTTPS_PROXY: `http://127.0.0.1:${(tunnels.address() as AddressInfo).port}`,
      NODE_EXTRA_CA_CERTS: caFile,
    },
    async [Symbol.asyncDispose]() {
      for (const server of [site, tunnels]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

/** Runs a command with the built `proxy` in its path. */
export async function runShell(
  commands: string,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn('bash', ['--norc', '-e', '-c', commands], {
    cwd,
    env: { PATH: `${dist}:${process.env['PATH']}`, HOME: cwd, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (part) => {
    output.stdout += part;
  });
  child.stderr.on('data', (part) => {
    output.stderr += part;
  });
  const [exitCode] = await once(child, 'close');
  return { exitCode, ...output };
}
