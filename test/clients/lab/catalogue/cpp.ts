import type { Client } from '../client.ts';

/** Libraries with Azure's SDK for C++, as the wheels of PyPI carry it. */
export const cpp: readonly Client[] = [
  {
    id: 'cpp-pyarrow-26.0',
    language: 'C++',
    ecosystem: 'Python',
    library: 'pyarrow',
    version: '26.0.1',
    program: 'pyarrow-client',
    modules: ['service'],
    service: [],
    abilities: ['token', 'clientId', 'defaultChain', 'blob'],
    onlyResource: 'https://storage.azure.com',
    refusal: { error: 'ArrowException' },
    remark:
      'Azure’s SDK for C++ in Arrow’s AzureFileSystem, by which pandas and Polars read `abfs://`: it lists a container. Without a client ID it takes DefaultAzureCredential.',
  },
];
