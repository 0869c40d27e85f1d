import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Ends a connection for each newcomer that would be one too many: the longest unused that waits for no
 * answer or, if all do, the longest in use. Node's own `maxConnections` ends the newcomer, so that whoever
 * comes first and says nothing keeps everybody else out.
 */
export function boundConnections(server: Server, most: number): void {
  /** How many answers each waits for, the longest unused first. */
  const unanswered = new Map<Socket, number>();

  const endOne = (): void => {
    const all = [...unanswered];
    const [socket] = all.find(([, answers]) => answers === 0) ?? all[0] ?? [];
    if (socket === undefined) return;
    unanswered.delete(socket);
    socket.destroy();
  };

  const count = (socket: Socket, change: 1 | -1): void => {
    const answers = unanswered.get(socket);
    if (answers === undefined) return;
    // Deleted first, because a Map keeps the place of a key that it has.
    unanswered.delete(socket);
    unanswered.set(socket, answers + change);
  };

  server.on('connection', (socket) => {
    if (unanswered.size >= most) endOne();
    unanswered.set(socket, 0);
    socket.once('close', () => unanswered.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    count(socket, 1);
    response.once('close', () => count(socket, -1));
  });
}
