/** Run by code-cache.ts in the Node that the cache is for, in the folder of the bundle: `node write-code-cache.ts <name>`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { type MadeUpPod, madeUpReply } from '../src/proxy/entra/warm-up.ts';
import { compile } from '../src/shared/compile-cached.ts';

/**
 * Parts of V8 that leave traces in a cache of how fast the machine was: which functions a compiler had in hand, and
 * which ones were dropped as unused. All are on by default.
 */
const dependOnTime = ['sparkplug', 'maglev', 'turbofan', 'flush-bytecode'];

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: write-code-cache.ts <bundle>');
for (const flag of dependOnTime) setFlagsFromString(`--no-${flag}`);
// No timer fires: on a slow machine it would, before the warm-up ends, and V8 would compile more than on a fast one.
const { setTimeout } = globalThis;
const never = 2 ** 31 - 1;
globalThis.setTimeout = ((callback: () => void) =>
  setTimeout(callback, never)) as typeof setTimeout;

const bundle = compile(file, createRequire(resolve(file)));
const { warmUp } = bundle.run() as { readonly warmUp: (pod: MadeUpPod) => Promise<void> };
const folder = mkdtempSync(join(tmpdir(), 'warm-up-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
await warmUp(await makeUpPod(folder));
// V8 refuses a cache that was taken under other flags.
for (const flag of dependOnTime) setFlagsFromString(`--${flag}`);
writeFileSync(`${file}.cache`, bundle.createCodeCache());
// A server that was warmed up would continue to listen.
process.exit();

/** A token that nobody signed, a CA that everybody trusts, and an Entra without TLS. */
async function makeUpPod(directory: string): Promise<MadeUpPod> {
  const tokenFile = join(directory, 'token');
  const claims = {
    iss: 'https://warm-up.invalid',
    sub: 'system:serviceaccount:warm:up',
    aud: ['api://AzureADTokenExchange'],
    exp: 4_102_444_800,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  writeFileSync(tokenFile, `${part({ alg: 'RS256' })}.${part(claims)}.AAAA`);
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, rootCertificates[0] ?? '');
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(madeUpReply);
    });
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  return { tokenFile, caFile, entraPort: (server.address() as AddressInfo).port };
}
