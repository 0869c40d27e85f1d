import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import { createNamespace, type Namespace } from '../../support/netns.ts';
import type { Client } from './client.ts';
import type { Assignment, Played } from './play.ts';

const stageDeadlineMs = 10 * 60_000;

/**
 * Plays a client's scenarios in a namespace of its own. Nothing of it is left behind, however it ends.
 * @param signal ends it before its time
 * @throws if the stage itself breaks, or is ended
 */
export async function runClient(
  client: Client,
  assignment: Omit<Assignment, 'clientId'>,
  signal?: AbortSignal,
): Promise<readonly Played[]> {
  // The proxy runs as another user.
  const directory = makeSharedFolder('clients-stage-');
  let namespace: Namespace | undefined;
  let child: ChildProcess | undefined;
  try {
    namespace = await createNamespace();
    await addRoute(namespace);
    const argument = JSON.stringify({ ...assignment, clientId: client.id } satisfies Assignment);
    child = namespace.start([process.execPath, join(import.meta.dirname, 'play.ts'), argument], {
      env: { TMPDIR: directory },
    });
    const deadline = AbortSignal.timeout(stageDeadlineMs);
    return await readPlayed(
      client,
      child,
      signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    );
  } finally {
    if (child?.pid !== undefined) endGroup(child.pid);
    await namespace?.remove();
    // What has just been ended may still be writing.
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/**
 * A connection needs a route before any rule applies to it; this one leads to an address that nobody has, by
 * a link that has both its ends inside, so that nothing can leave. The metadata address is here: startNodeMetadata.
 */
async function addRoute(namespace: Namespace): Promise<void> {
  await namespace.must(['ip', '-batch', '-'], {
    input: `link add eth0 type veth peer name peer0
addr add 10.99.0.1/24 dev eth0
link set eth0 up
link set peer0 up
addr add 169.254.169.254/32 dev lo
route add default via 10.99.0.254
`,
  });
}

/** Ends what a stage that broke has left behind. */
function endGroup(leaderPid: number): void {
  try {
    process.kill(-leaderPid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readPlayed(
  client: Client,
  child: ChildProcess,
  signal: AbortSignal,
): Promise<readonly Played[]> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the stage has no output');
  const played: Played[] = [];
  const complaints: string[] = [];
  createInterface({ input: stdout }).on('line', (line) => played.push(JSON.parse(line)));
  createInterface({ input: stderr }).on('line', (line) => complaints.push(line));
  // Not until it closes its pipes: programs that it has left behind would hold them.
  const [code] = await once(child, 'exit', { signal }).catch(() => {
    const { message } = signal.reason as Error;
    throw new Error(
      `${client.id}: the stage was ended after ${played.length} scenarios: ${message}`,
    );
  });
  await setImmediate();
  if (code !== 0) {
    throw new Error(`${client.id}: the stage ended with ${code}:\n${complaints.join('\n')}`);
  }
  return played;
}
