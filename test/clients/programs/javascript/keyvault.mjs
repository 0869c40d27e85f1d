import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { answer } from './answer.mjs';

// As the quick start has it: the address of the vault is all that the application knows.
await answer(({ resource: vault, value: name }) => {
  const client = new SecretClient(vault, new DefaultAzureCredential());
  return async () => (await client.getSecret(name)).value;
});
