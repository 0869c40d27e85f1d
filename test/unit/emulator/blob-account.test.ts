import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBlobAccount } from '../../../src/emulator/azure-services/blob-account.ts';
import type { ServiceAnswer } from '../../../src/emulator/azure-services/service.ts';

function read(blob: string, range: string): ServiceAnswer {
  const account = createBlobAccount({
    ...{ name: 'shop', tenantId: 'tenant', readers: ['reader'] },
    blobs: { 'a/b': blob },
  });
  return account.answer({
    method: 'GET',
    url: new URL(`https://${account.host}/a/b`),
    headers: { 'x-ms-version': '2025-11-05', 'x-ms-range': range },
    clientId: 'reader',
  });
}

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 40 });
const size = fc.integer({ min: 1, max: 50 });

test('a blob that is read in pieces of any size is the blob', () => {
  fc.assert(
    fc.property(ascii, size, (blob, step) => {
      let whole = '';
      for (let start = 0; start < blob.length; start += step) {
        const { status, body, headers } = read(blob, `bytes=${start}-${start + step - 1}`);
        expect(status).toBe(206);
        const end = start + body.length - 1;
        expect(headers?.['Content-Range']).toBe(`bytes ${start}-${end}/${blob.length}`);
        whole += body;
      }
      expect(whole).toBe(blob);
    }),
  );
});

test('a range beyond the end of the blob is refused', () => {
  fc.assert(
    fc.property(ascii, fc.nat(50), fc.nat(50), (blob, beyond, more) => {
      const start = blob.length + beyond;
      const { status, headers } = read(blob, `bytes=${start}-${start + more}`);
      expect([status, headers?.['x-ms-error-code']]).toEqual([416, 'InvalidRange']);
    }),
  );
});
