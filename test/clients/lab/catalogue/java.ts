import type { Client } from '../client.ts';
import { everything, selectors } from './abilities.ts';

export const java: readonly Client[] = [
  {
    id: 'java-azure-identity-1.19',
    language: 'Java',
    library: 'com.azure:azure-identity',
    version: '1.19.0',
    packages: ['com.azure:azure-core-http-okhttp:1.13.7', 'org.slf4j:slf4j-nop:1.7.36'],
    program: 'azure-identity',
    abilities: everything,
    refusal: { error: 'ClientAuthenticationException' },
    remark:
      'With the transport azure-core-http-okhttp. With azure-core-http-jdk-httpclient 1.1.7 the 50 calls at once never ended on two cores: all 20 threads of the library’s pool waited for answers inside HttpClient.send. The default transport, Netty, was not tried. Entra’s words and the hint are in the message of the innermost cause.',
    caveats: {
      beforeFallback: {
        observed: { error: 'ClientAuthenticationException', words: 'AADSTS700016' },
        because:
          'A ManagedIdentityCredential in a ChainedTokenCredential reports every refusal as a failure of authentication, which ends the chain.',
      },
    },
  },
  {
    id: 'java-msal4j-1.26',
    language: 'Java',
    library: 'com.microsoft.azure:msal4j',
    version: '1.26.0',
    packages: ['org.slf4j:slf4j-nop:1.7.36'],
    program: 'msal4j',
    abilities: selectors,
    refusal: { error: 'MsalServiceException' },
  },
  {
    id: 'java-msi-credentials-1.7',
    language: 'Java',
    library: 'com.microsoft.azure:azure-client-authentication',
    version: '1.7.14',
    packages: ['org.slf4j:slf4j-nop:1.7.36'],
    program: 'msi-credentials',
    abilities: selectors,
    refusal: { error: 'RuntimeException', isExplained: false },
  },
  {
    id: 'java-hadoop-abfs-3.4',
    language: 'Java',
    library: 'org.apache.hadoop:hadoop-azure',
    version: '3.4.2',
    packages: ['org.apache.hadoop:hadoop-common:3.4.2'],
    program: 'abfs',
    abilities: ['token', 'clientId'],
    onlyResource: 'https://storage.azure.com/',
    remark:
      'By the settings of a core-site.xml that name MsiTokenProvider, which Spark uses as well.',
    refusal: { error: 'HttpException' },
  },
  {
    id: 'java-mssql-jdbc-9.4',
    language: 'Java',
    library: 'com.microsoft.sqlserver:mssql-jdbc',
    version: '9.4.1.jre11',
    program: 'mssql',
    remark:
      '`authentication=ActiveDirectoryMSI`, up to the token that the driver shows to a SQL server. This line of versions reads the metadata service’s answer with code of its own.',
    abilities: ['token', 'clientId'],
    refusal: { error: 'SQLServerException', isExplained: false },
  },
  {
    id: 'java-mssql-jdbc-13.2',
    language: 'Java',
    library: 'com.microsoft.sqlserver:mssql-jdbc',
    version: '13.2.1.jre11',
    packages: [
      'com.azure:azure-identity:1.19.0',
      'com.azure:azure-core-http-okhttp:1.13.7',
      'org.slf4j:slf4j-nop:1.7.36',
    ],
    program: 'mssql',
    remark: 'As above, through com.azure:azure-identity 1.19.0.',
    abilities: ['token', 'clientId'],
    refusal: { error: 'ClientAuthenticationException' },
  },
];
