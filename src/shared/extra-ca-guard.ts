import { MAX_SETTING_FILE_BYTES, readSmallFileSync, toErrorCode } from './small-file.ts';

/** What reading ends with when it would not end in Node: not a file, too much in it, nothing to read now. */
const ENDLESS = ['EINVAL', 'EFBIG', 'EAGAIN'];

/**
 * Keeps Node from reading an endless file of CA certificates. Node reads NODE_EXTRA_CA_CERTS itself, without
 * any bound, on a thread that begins with the process: with a named pipe or /proc/kmsg there, the first TLS
 * connection and the exit wait for it for ever. The variable can only be taken from Node before it starts,
 * so the program then replaces itself with one that has the path in SSL_CERT_FILE, which our own bounded
 * reader knows as well and Node does not. Costs one read of the file, and nothing if the variable is not set.
 */
export function guardExtraCaFile(env: NodeJS.ProcessEnv): void {
  const { NODE_EXTRA_CA_CERTS: path, ...rest } = env;
  if (path === undefined || path === '') return;
  try {
    readSmallFileSync(path, MAX_SETTING_FILE_BYTES);
  } catch (error) {
    if (!ENDLESS.includes(toErrorCode(error))) return;
    const { execPath, execArgv, argv } = process;
    process.execve?.(execPath, [execPath, ...execArgv, ...argv.slice(1)], {
      ...rest,
      SSL_CERT_FILE: path,
    });
  }
}
