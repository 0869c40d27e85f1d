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
  {
    id: 'cpp-duckdb-1.5',
    language: 'C++',
    ecosystem: 'Python',
    library: 'duckdb',
    title: 'duckdb, with its extension azure',
    version: '1.5.5',
    packages: ['duckdb_extension_azure==1.5.5'],
    program: 'duckdb-client',
    modules: ['service'],
    service: ['shop.blob.core.windows.net'],
    abilities: ['token', 'clientId', 'objectId', 'resourceId', 'defaultChain', 'blob'],
    onlyResource: 'https://storage.azure.com',
    refusal: { error: 'Error' },
  },
  {
    id: 'cpp-odbc-18.6',
    language: 'C++',
    ecosystem: 'Python',
    library: 'mssql-python-odbc',
    title: 'ODBC Driver 18 for SQL Server',
    version: '18.6.2.2',
    libraries: [
      'libltdl7',
      ...['libgssapi-krb5-2', 'libkrb5-3', 'libk5crypto3', 'libkrb5support0'],
      ...['libcom-err2', 'libkeyutils1'],
    ],
    program: 'odbc',
    modules: ['service', 'sql_server'],
    service: [],
    abilities: ['token', 'objectId'],
    remark:
      'Microsoft’s driver, which sqlcmd, pyodbc and SSIS use, with `Authentication=ActiveDirectoryMsi`, up to the token that it shows to a SQL server. It sends `UID` as an object ID, whatever that is.',
  },
  {
    id: 'c-librdkafka-2.16',
    language: 'C',
    ecosystem: 'Python',
    library: 'confluent-kafka',
    title: 'librdkafka',
    version: '2.16.1',
    program: 'kafka-client',
    modules: ['service', 'kafka_broker'],
    service: [],
    abilities: ['token', 'clientId', 'objectId', 'resourceId'],
    refusal: { error: 'KafkaException', isExplained: false },
    remark:
      'The library under most Kafka clients that are not of Java, with its metadata-based authentication `azure_imds`: it logs in to a broker over TLS and lists topics. Of a refusal it shows the first 512 characters, which end before the hint.',
  },
];
