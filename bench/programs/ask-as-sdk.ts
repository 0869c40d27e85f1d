/**
 * Prints, as JSON, the request line and the headers with which an unmodified @azure/identity asks IMDS for a
 * token: `node ask-as-sdk.ts <client ID> <scope>`.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManagedIdentityCredential } from '@azure/identity';

const [clientId, scope] = process.argv.slice(2);
if (clientId === undefined || scope === undefined) throw new Error('usage: <client ID> <scope>');

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const asked = once(server, 'request') as Promise<[IncomingMessage]>;
const { port } = server.address() as AddressInfo;
process.env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] = `http://127.0.0.1:${port}`;
const token = new ManagedIdentityCredential({ clientId }).getToken(scope);
// It is left without an answer and ends with this process.
token.catch(() => {});

const [{ url, rawHeaders }] = await asked;
process.stdout.write(`${JSON.stringify({ url, rawHeaders })}\n`);
process.exit(0);
