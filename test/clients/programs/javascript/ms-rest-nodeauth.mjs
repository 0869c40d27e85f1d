import { loginWithVmMSI } from '@azure/ms-rest-nodeauth';
import { answer } from './answer.mjs';

const options = { client_id: 'clientId', object_id: 'objectId', resource_id: 'identityId' };

await answer(({ resource, name, value }) => async () => {
  const selector = name === 'default' ? {} : { [options[name]]: value };
  const credentials = await loginWithVmMSI({ resource, ...selector });
  return (await credentials.getToken()).accessToken;
});
