import { proxyOptions } from './options.ts';

/** The message for an error that ended the start: setting, fault and fix where they are known. */
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
      return `${portKey}: ${port} is in use on ${address}; stop the program that listens there, or set another port here and in proxy-init's PROXY_PORT`;
    case 'EACCES':
      return `${portKey}: this user may not listen on port ${port}; set a port from 1024 to 65535`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return `${addressKey}: ${address} is not an address of this network namespace; set one of its addresses, such as 127.0.0.1`;
    default:
      return `cannot listen on ${address} port ${port}: ${error.message}`;
  }
}
