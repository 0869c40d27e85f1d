import { join } from 'node:path';
import { run } from './run.ts';

/** Vouches for the content of a registry, with cosign. */
export interface Signer {
  /** Signs an image, a chart, or an index and everything in it. */
  sign(reference: string): Promise<void>;
  /** Signs a bill of materials, and attaches it. */
  attestSbom(reference: string, file: string): Promise<void>;
}

/** With the identity of the workflow that runs this: no key exists that could be stolen. */
export function createKeylessSigner(cosign: string): Signer {
  return createSigner(cosign, []);
}

/** Flags of `cosign verify` for what createKeySigner has signed, in the place of those that name a workflow. */
export function toVerifyFlags(folder: string): readonly string[] {
  return [
    `--key=${join(folder, 'cosign.pub')}`,
    `--trusted-root=${join(folder, 'trusted-root.json')}`,
    '--insecure-ignore-tlog=true',
    '--allow-http-registry',
  ];
}

/** With a key that is made in `folder` and no service of Sigstore, for a registry without TLS. */
export async function createKeySigner(cosign: string, folder: string): Promise<Signer> {
  await run([cosign, 'generate-key-pair'], { cwd: folder, env: { COSIGN_PASSWORD: '' } });
  const [config, root] = [join(folder, 'signing-config.json'), join(folder, 'trusted-root.json')];
  await run([cosign, 'signing-config', 'create', `--out=${config}`]);
  await run([cosign, 'trusted-root', 'create', `--out=${root}`]);
  return createSigner(cosign, [
    `--key=${join(folder, 'cosign.key')}`,
    `--signing-config=${config}`,
    `--trusted-root=${root}`,
    '--allow-http-registry',
  ]);
}

function createSigner(cosign: string, flags: readonly string[]): Signer {
  const env = { COSIGN_PASSWORD: '' };
  return {
    async sign(reference) {
      await run([cosign, 'sign', '--yes', '--recursive', ...flags, reference], { env });
    },
    async attestSbom(reference, file) {
      const predicate = ['--type=cyclonedx', `--predicate=${file}`];
      await run([cosign, 'attest', '--yes', ...flags, ...predicate, reference], { env });
    },
  };
}
