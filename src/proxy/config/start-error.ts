import { proxyOptions } from './options.ts';

/** What to tell the operator about an error that ended the start, with key, fault and fix where known. */
export function describeStartError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & {
    readonly address?: string;
    readonly port?: number;
  };
  if (syscall !== 'listen') return error.message;
  const portKey = `--${proxyOptions.proxyPort.flag} (${proxyOptions.proxyPort.env})`;
  const addressKey = `--${proxyOptions.bindAddress.flag} (${proxyOptions.bindAddress.env})`;
  switch (code) {
    case 'EADDRINUSE':
      return `${portKey}: ${port} is in use on ${address}; stop what listens there, or set another port here and in proxy-init's PROXY_PORT`;
    case 'EACCES':
      return `${portKey}: ${port} is not this user's to listen on; set a port from 1024 on`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return `${addressKey}: ${address} is no address of this network namespace; set one that is, such as 127.0.0.1`;
    default:
      return `cannot listen on ${address} port ${port}: ${error.message}`;
  }
}
