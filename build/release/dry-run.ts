/**
 * Does everything that a release does, with a registry on 127.0.0.1 in the place of the real one and a key in the place
 * of GitHub's identity. Builds the images twice from nothing and compares the digests, and runs the commands of
 * docs/verify.md. It leaves the files of the release in `--outdir` and nothing else.
 *
 * Needs root, Docker Engine and `.ci/go-tools release`. Where no image registry can be reached, `.ci/docker/up` makes a
 * stand-in for the base image, which this takes if it is there.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findGoTool, type goTools } from '../../test/support/go-tools.ts';
import { shellBlock } from '../../test/support/shell-blocks.ts';
import { buildImages, type Digests } from './build-images.ts';
import { packChart } from './chart.ts';
import { type Loopback, startLoopback } from './loopback.ts';
import { packNpmPackage } from './npm-package.ts';
import { type Outputs, publish } from './publish.ts';
import { readRelease, toBuildArguments } from './release.ts';
import { run } from './run.ts';
import { createKeySigner, toVerifyFlags } from './sign.ts';

const { values } = parseArgs({ options: { outdir: { type: 'string', default: 'dist/release' } } });
const outdir = resolve(values.outdir);
const platform = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;
const source = 'https://git.example/imds-proxy';
const standIn = 'node:26-bookworm-slim';

const tools = {
  buildkitd: need('buildkitd'),
  buildx: need('buildx'),
  cosign: need('cosign'),
  crane: need('crane'),
  helm: need('helm4'),
};
const release = await readRelease();
const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-dry-run-'));
const loopback = await startLoopback(tools, folder);
/** BuildKit must have ended before its folder goes: its mounts are in there. */
const clean = async (): Promise<void> => {
  await loopback.stop();
  await rm(folder, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => clean().finally(() => process.exit(1)));
}
try {
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  await dryRun(loopback);
} finally {
  await clean();
}

async function dryRun({ registry: host, buildx, forgetLayers }: Loopback): Promise<void> {
  const registry = `${host}/imds-proxy`;
  const args = { ...toBuildArguments(release, source), ...(await toLocalArguments(host)) };
  const build = (): Promise<Digests> =>
    buildImages({ buildx, registry, platform, arguments: args, cache: false });
  const first = await step('first build', build);
  await forgetLayers();
  const second = await step('second build', build);
  assertSame('the images of two builds', first, second);

  const signer = await createKeySigner(tools.cosign, folder);
  const helm = [tools.helm, '--plain-http'];
  const built = { [platform]: first };
  const options = { release, registry, source, buildx, helm, signer, built, outdir };
  const outputs = await step('scan, publish and sign', () => publish(options));
  await step('verify', () => verify(registry));
  await step('chart', () => checkChart(registry, outputs));
  await step('npm package', checkNpmPackage);
  console.log(`files of the release: ${outdir}`);
}

/** The base image and the packages of this machine, where no registry and no snapshot can be reached. */
async function toLocalArguments(host: string): Promise<Readonly<Record<string, string>>> {
  const isThere = await run(['docker', 'image', 'inspect', standIn]).catch(() => undefined);
  if (isThere === undefined) return {};
  const image = `${host}/${standIn}`;
  await run(['docker', 'tag', standIn, image]);
  try {
    await run(['docker', 'push', '--quiet', image]);
  } finally {
    await run(['docker', 'image', 'rm', image]);
  }
  const digest = await run([tools.crane, 'digest', image]);
  return { BUILD_IMAGE: `${host}/node@${digest}`, APT_SOURCES: '' };
}

/** Runs the commands of docs/verify.md, with this registry and this key. */
async function verify(registry: string): Promise<void> {
  const flags = toVerifyFlags(folder).join(' ');
  const path = join(folder, 'bin');
  await mkdir(path);
  for (const name of ['cosign', 'crane'] as const) {
    await run(['ln', '-s', tools[name], join(path, name)]);
  }
  const settings = shellBlock('docs/verify.md', 'REPO=')
    .replace(/^REPO=.*$/m, 'REPO=')
    .replace(/^VERSION=.*$/m, `VERSION=${release.version}`)
    .replace(/^SIGNED_BY=.*$/m, `SIGNED_BY="${flags}"`);
  const commands = [
    shellBlock('docs/verify.md', 'cosign verify '),
    shellBlock('docs/verify.md', 'DIGEST='),
  ]
    .join('\n')
    .replaceAll('ghcr.io/$REPO', registry)
    .replaceAll('linux/amd64', platform);
  const shell = (text: string): Promise<string> =>
    run(['bash', '--norc', '-euo', 'pipefail', '-c', `${settings}\n${text}`], {
      cwd: folder,
      env: { PATH: `${path}:${process.env['PATH']}` },
    });
  await shell(commands);
  const sbom = await readFile(join(folder, 'sbom.cdx.json'), 'utf8');
  if (!sbom.includes('pkg:npm/undici@')) throw new Error('the verified SBOM has no npm packages');

  // The commands must fail for a signature by another key.
  await run([tools.cosign, 'generate-key-pair', '--output-key-prefix=other'], {
    cwd: folder,
    env: { COSIGN_PASSWORD: '' },
  });
  const refused = await shell(
    commands.replaceAll('$SIGNED_BY', flags.replace('cosign.pub', 'other.pub')),
  ).then(
    () => false,
    () => true,
  );
  if (!refused) throw new Error('docs/verify.md accepts a signature by another key');
}

/** The chart is the same when it is packed again, and its pods get the images of the release by their digests. */
async function checkChart(registry: string, outputs: Outputs): Promise<void> {
  const again = join(folder, 'chart');
  await mkdir(again);
  const digests = {
    proxy: outputs['proxy-digest'] ?? '',
    'proxy-init': outputs['proxy-init-digest'] ?? '',
  };
  const archive = await packChart({ release, registry, source, digests, outdir: again });
  await assertSameFile('the charts of two builds', archive);
  const reference = `oci://${registry}/charts/workload-identity-imds-proxy`;
  const rendered = await run([
    ...[tools.helm, 'template', 'imds-proxy', reference, '--plain-http'],
    `--version=${release.version}`,
    '--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy',
  ]);
  for (const [name, digest] of Object.entries(digests)) {
    const image = `${registry}/${name}@${digest}`;
    if (!rendered.includes(image)) throw new Error(`the chart does not install ${image}`);
  }
}

async function checkNpmPackage(): Promise<void> {
  const again = join(folder, 'npm');
  await mkdir(again);
  const archive = await packNpmPackage(again, source);
  await assertSameFile('the npm packages of two builds', archive);
  await run(['npm', 'publish', '--dry-run', '--offline', '--access=public', archive]);
}

/** Compares a file with the one of the release that has its name. */
async function assertSameFile(what: string, file: string): Promise<void> {
  const digests = await run(['sha256sum', file, join(outdir, basename(file))]);
  const [one, other] = digests.split('\n').map((line) => line.split(' ')[0]);
  assertSame(what, one, other);
}

function need(name: keyof typeof goTools): string {
  const path = findGoTool(name);
  if (path === undefined) throw new Error(`${name}: not built; run .ci/go-tools release`);
  return path;
}

function assertSame(what: string, one: unknown, other: unknown): void {
  const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
  if (a !== b) throw new Error(`${what} differ:\n${a}\n${b}`);
  console.log(`${what} are the same: ${a}`);
}

async function step<T>(name: string, act: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await act();
  console.log(`${name}: ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
  return result;
}
