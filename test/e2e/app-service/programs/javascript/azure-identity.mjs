import { ManagedIdentityCredential } from '@azure/identity';
import { answer } from './answer.mjs';

await answer(async (resource, name, value) => {
  const options = { client_id: value, resource_id: { resourceId: value } };
  const credential = new ManagedIdentityCredential(options[name]);
  return (await credential.getToken(`${resource}/.default`)).token;
});
