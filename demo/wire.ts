import type { ClientRequest } from 'node:http';

/** A request as it would look on the wire, without what would let anyone use it. */
export function toRequestText(request: ClientRequest): string {
  const headers = Object.entries(request.getHeaders()).map(
    ([name, value]) => `${name}: ${name === 'authorization' ? shortenBearer(`${value}`) : value}`,
  );
  return [`${request.method} ${request.path}`, ...headers].join('\n');
}

function shortenBearer(value: string): string {
  return value.replace(/^(Bearer .{10}).*(.{4})$/, '$1…$2');
}
