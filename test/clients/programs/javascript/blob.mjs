import { text } from 'node:stream/consumers';
import { DefaultAzureCredential } from '@azure/identity';
import { BlobServiceClient } from '@azure/storage-blob';
import { answer } from './answer.mjs';

// As the quick start has it: the address of the account is all that the application knows.
await answer(({ resource: account, value: path }) => {
  const service = new BlobServiceClient(account, new DefaultAzureCredential());
  const [container, blob] = path.split('/');
  const client = service.getContainerClient(container).getBlobClient(blob);
  return async () => {
    const { readableStreamBody } = await client.download();
    return await text(readableStreamBody);
  };
});
