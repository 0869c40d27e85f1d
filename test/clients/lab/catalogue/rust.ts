import type { Client } from '../client.ts';
import { selectors } from './abilities.ts';

const rustPackages = [
  'futures = "0.3"',
  'serde_json = "1"',
  'tokio = { version = "1", features = ["macros", "rt-multi-thread"] }',
];
export const rust: readonly Client[] = [
  {
    id: 'rust-azure_identity-1.0',
    language: 'Rust',
    library: 'azure_identity',
    version: '1.0.0',
    packages: ['azure_core = "1.0.0"', ...rustPackages],
    program: 'azure_identity',
    abilities: selectors,
    refusal: { error: 'Credential', isExplained: false },
  },
  {
    id: 'rust-object_store-0.14',
    language: 'Rust',
    library: 'object_store',
    version: '0.14.2',
    features: ['azure'],
    packages: rustPackages,
    program: 'object_store',
    abilities: selectors,
    onlyResource: 'https://storage.azure.com',
    refusal: { error: 'Generic' },
  },
  {
    id: 'rust-opendal-0.47',
    language: 'Rust',
    ecosystem: 'Python',
    library: 'opendal',
    version: '0.47.12',
    program: 'opendal-client',
    modules: ['service'],
    service: [],
    abilities: ['token'],
    onlyResource: 'https://storage.azure.com/',
    remark: 'By its binding for Python: it lists a container.',
  },
];
