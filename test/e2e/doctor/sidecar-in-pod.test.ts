/** The causes that a doctor in the container of the proxy finds only in a network namespace or as another user. */
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type CopiedPrograms,
  copyProgramsFor,
  makeSharedFolder,
} from '../../../demo/shared-folder.ts';
import { proxyUid } from '../../../src/shared/redirect-contract.ts';
import { type Diagnosis, runDoctor } from '../../support/doctor.ts';
import { createPrintedTable } from '../../support/doctor-table.ts';
import { startEmulator } from '../../support/emulator.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';
import { asUser, startUntilSaid } from '../../support/netns-process.ts';
import { dist, findFreePort } from '../../support/proxy-process.ts';

let folder: string;
let programs: CopiedPrograms;
let lab: Lab;

beforeAll(() => {
  folder = makeSharedFolder('doctor-in-pod-');
  programs = copyProgramsFor(proxyUid, dist, folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.remove());

/** Every cause of this file, with the answer of the doctor. */
const table = createPrintedTable();

const identity = {
  AZURE_TENANT_ID: '8f6c1d3a-2b47-4c55-9a7e-3c1d5e9f0b22',
  AZURE_CLIENT_ID: 'a1a1a1a1-0000-4000-8000-00000000000a',
  AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/azure/tokens/azure-identity-token',
};

interface Case {
  /** Default: that of the pod, which reaches its node alone. */
  readonly network?: 'pod' | 'host';
  readonly env: Readonly<Record<string, string>>;
  /** Stands in for /etc/resolv.conf. */
  readonly resolvConf?: string;
}

/** Runs proxy and doctor in the pod, both as the user of the image. */
async function diagnose(
  cause: string,
  { network = 'pod', env, resolvConf }: Case,
): Promise<Diagnosis> {
  const path = network === 'pod' ? lab.pod.path : `/proc/${process.pid}/ns/net`;
  const file = join(folder, `resolv-${Math.random()}`);
  if (resolvConf !== undefined) await writeFile(file, resolvConf);
  const mount = ['mount --bind "$0" /etc/resolv.conf && exec "$@"', file];
  const through = [
    ...['nsenter', `--net=${path}`],
    ...(resolvConf === undefined ? [] : ['unshare', '--mount', 'sh', '-c', ...mount]),
  ];
  const program = [programs.node, join(programs.bin, 'proxy')];
  const pid = await startUntilSaid(
    lab.pod,
    [...program, '--log-level=info', '--passthrough=off', `--proxy-port=${await findFreePort()}`],
    'starting the proxy server',
    { uid: proxyUid, env: { ...identity, ...env }, through },
  );
  const diagnosis = await runDoctor({
    through: [...through, ...asUser(proxyUid)],
    program,
    args: [`--pid=${pid}`],
  });
  table.add(cause, diagnosis);
  expect(diagnosis.exitCode).toBe(1);
  return diagnosis;
}

describeInNamespaces('the doctor in the container of the proxy', () => {
  test('DNS dead: the name server refuses', async () => {
    const { first } = await diagnose('DNS dead: the name server refuses', {
      env: { AZURE_AUTHORITY_HOST: 'https://login.example' },
      resolvConf: 'nameserver 10.77.0.1\noptions timeout:1 attempts:1\n',
    });
    expect(first).toMatchObject({
      id: 'entra-dns',
      summary: expect.stringMatching(/login\.example/),
      fix: expect.stringMatching(/DNS/),
      evidence: { 'name server 10.77.0.1': expect.stringMatching(/failed \(ECONNREFUSED\)/) },
    });
  });

  test('DNS dead: the name server is silent', async () => {
    await lab.node.must('iptables -A INPUT -p udp --dport 53 -j DROP'.split(' '));
    const { first } = await diagnose('DNS dead: the name server is silent', {
      env: { AZURE_AUTHORITY_HOST: 'https://login.example' },
      resolvConf: 'nameserver 10.77.0.1\noptions timeout:1 attempts:1\n',
    });
    expect(first).toMatchObject({
      id: 'entra-dns',
      fix: expect.stringMatching(/DNS/),
      evidence: { 'name server 10.77.0.1': 'does not answer' },
    });
  });

  test('authority blocked: packets are dropped', async () => {
    await lab.node.must('iptables -A INPUT -p tcp --dport 443 -j DROP'.split(' '));
    const { first } = await diagnose('authority blocked: dropped', {
      env: { AZURE_AUTHORITY_HOST: 'https://10.77.0.1' },
    });
    expect(first).toMatchObject({
      id: 'entra-tcp',
      summary: expect.stringMatching(/10\.77\.0\.1/),
      fix: expect.stringMatching(/NetworkPolicy|firewall/),
    });
  });

  test('token file unreadable', async () => {
    await using emulator = await startOwnEmulator();
    const tokenFile = join(folder, 'unreadable-token');
    const caFile = join(folder, 'ca.crt');
    await copyFile(emulator.tokenFile, tokenFile);
    await chmod(tokenFile, 0o600);
    await copyFile(emulator.caFile, caFile);
    await chmod(caFile, 0o644);
    const { first } = await diagnose('token file unreadable', {
      network: 'host',
      env: {
        ...emulator.env,
        AZURE_FEDERATED_TOKEN_FILE: tokenFile,
        NODE_EXTRA_CA_CERTS: caFile,
      },
    });
    expect(first).toMatchObject({
      id: 'federated-token',
      summary: `${tokenFile} may not be read by this process (EACCES)`,
      fix: expect.stringMatching(/^Set fsGroup in the pod's securityContext/),
    });
  });

  test('printed/sidecar-in-pod.md has every cause with the answer of the doctor', async () => {
    await expect(table.render()).toMatchFileSnapshot('printed/sidecar-in-pod.md');
  });
});

async function startOwnEmulator(): Promise<
  AsyncDisposable & {
    readonly tokenFile: string;
    readonly caFile: string;
    readonly env: Readonly<Record<string, string>>;
  }
> {
  const emulator = await startEmulator();
  const { tokenFile, caFile } = emulator;
  return {
    tokenFile,
    caFile,
    env: emulator.describe().env,
    [Symbol.asyncDispose]: () => emulator.stop(),
  };
}
