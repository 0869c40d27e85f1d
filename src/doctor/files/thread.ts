import { createReadStream } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createNodeIo, MAX_INPUT_BYTES, readAll } from '../../inject/node-io.ts';
import { type CheckResult, fail } from '../engine/check.ts';

/**
 * The heap of the proxy has the size that a sidecar needs (Dockerfile.proxy), which a large cluster's objects do not
 * fit into. A thread has its own, and an end of it does not end the process. 200 MB of objects take half of it.
 */
const MAX_HEAP_MIB = 1_536;

const isExamining = !isMainThread && workerData?.task === 'doctor-files';

/** Examines files in a separate thread. @param names paths, and `-` for standard input. */
export function examineInThread(names: readonly string[]): Promise<readonly CheckResult[]> {
  // The flags of the process would win against the limits of the thread.
  setFlagsFromString(`--max-old-space-size=${MAX_HEAP_MIB}`);
  setFlagsFromString('--max-semi-space-size=16');
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, {
      workerData: { task: 'doctor-files', names },
      // Node would pipe these into the process's own, and take its listeners for errors away again at the end.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    worker.once('message', resolve);
    worker.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve([tooLarge]);
      else reject(error);
    });
  });
}

const tooLarge: CheckResult = {
  id: 'input',
  ...fail(`the input does not fit into ${MAX_HEAP_MIB} MiB of memory`, {
    fix: 'Examine one namespace at a time: kubectl get pod,sa,ns,events --namespace <NAMESPACE> --output yaml | proxy doctor -',
    docs: 'docs/doctor.md#from-files',
  }),
};

async function examine(names: readonly string[]): Promise<void> {
  const { examineFiles } = await import('./files.ts');
  const io = {
    ...createNodeIo(),
    // The thread's own process.stdin is another one.
    readStdin: () => readAll(createReadStream('', { fd: 0 }), MAX_INPUT_BYTES),
  };
  parentPort?.postMessage(await examineFiles(io, names));
}

if (isExamining) void examine(workerData.names);
