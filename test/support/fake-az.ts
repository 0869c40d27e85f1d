/**
 * Plays `az` for the scripts that `migrate` writes. It knows the commands and flags that they may use, refuses all
 * others as the real one does, and keeps new objects in a file.
 * Environment: FAKE_STATE, the file; FAKE_LOG, a file that gets every command line as a line of JSON.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

interface Credential {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
}

/** What exists in Azure. */
export interface AzureState {
  /** The tenant that az is signed in to. */
  readonly tenant: string;
  /** Credentials by their owner: SUBSCRIPTION/GROUP/IDENTITY, or the client ID of an application. */
  readonly credentials: Record<string, Credential[]>;
  /** Resource IDs of managed identities by GROUP/CLUSTER, then by the name of the binding. */
  readonly bindings: Record<string, Record<string, string>>;
}

const flags: Readonly<Record<string, readonly string[]>> = {
  'account show': [],
  'identity federated-credential list': ['subscription', 'resource-group', 'identity-name'],
  'identity federated-credential create': [
    'subscription',
    'resource-group',
    'identity-name',
    'name',
    'issuer',
    'subject',
    'audiences',
  ],
  'identity federated-credential delete': [
    'subscription',
    'resource-group',
    'identity-name',
    'name',
    'yes',
  ],
  'ad app federated-credential list': ['id'],
  'ad app federated-credential create': ['id', 'parameters'],
  'ad app federated-credential delete': ['id', 'federated-credential-id'],
  'aks identity-binding list': ['resource-group', 'cluster-name'],
  'aks identity-binding create': [
    'resource-group',
    'cluster-name',
    'name',
    'managed-identity-resource-id',
  ],
  'aks identity-binding delete': ['resource-group', 'cluster-name', 'name'],
  'aks show': ['resource-group', 'name'],
  'role assignment list': ['scope', 'assignee', 'all', 'include-inherited'],
  'vmss list': ['resource-group'],
  'vmss identity show': ['resource-group', 'name'],
};

const common = ['query', 'output', 'only-show-errors'];
const standAlone = ['yes', 'all', 'include-inherited', 'only-show-errors'];

const { FAKE_STATE: stateFile = '', FAKE_LOG: logFile = '' } = process.env;
const argv = process.argv.slice(2);
appendFileSync(logFile, `${JSON.stringify(['az', ...argv])}\n`);
const state: AzureState = JSON.parse(readFileSync(stateFile, 'utf8'));
process.exitCode = run();
writeFileSync(stateFile, JSON.stringify(state));

function run(): number {
  const first = argv.findIndex((word) => word.startsWith('-'));
  const command = argv.slice(0, first === -1 ? undefined : first).join(' ');
  const given = parse(argv.slice(first === -1 ? argv.length : first));
  const known = flags[command];
  if (known === undefined || given === undefined) return refuse(`'${command}' is misspelled`);
  const unknown = [...given.keys()].find((key) => ![...known, ...common].includes(key));
  if (unknown !== undefined) return refuse(`unrecognized arguments: --${unknown}`);
  // az takes a value with an @ before it for the name of a file, and sends its content.
  if ([...given.values()].some((value) => value.startsWith('@'))) return refuse('a file was read');
  return answer(command, (key) => given.get(key) ?? '');
}

function parse(words: readonly string[]): ReadonlyMap<string, string> | undefined {
  const given = new Map<string, string>();
  for (let at = 0; at < words.length; at += 1) {
    const [, key, value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(words[at] ?? '') ?? [];
    if (key === undefined) return undefined;
    if (value !== undefined || standAlone.includes(key)) given.set(key, value ?? '');
    else {
      at += 1;
      given.set(key, words[at] ?? '');
    }
  }
  return given;
}

function answer(command: string, value: (key: string) => string): number {
  const identity = [value('subscription'), value('resource-group'), value('identity-name')];
  const owner = command.startsWith('ad app') ? value('id') : identity.join('/');
  const cluster = `${value('resource-group')}/${value('cluster-name')}`;
  switch (command) {
    case 'account show':
      return print(state.tenant);
    case 'identity federated-credential list':
    case 'ad app federated-credential list':
      return list(owner);
    case 'identity federated-credential create':
      return create(owner, {
        name: value('name'),
        issuer: value('issuer'),
        subject: value('subject'),
        audience: value('audiences'),
      });
    case 'ad app federated-credential create': {
      const { audiences, ...rest } = JSON.parse(value('parameters'));
      return create(owner, { ...rest, audience: audiences[0] });
    }
    case 'identity federated-credential delete':
      return remove(owner, value('name'));
    case 'ad app federated-credential delete':
      return remove(owner, value('federated-credential-id'));
    case 'aks identity-binding list': {
      const bindings = Object.entries(state.bindings[cluster] ?? {});
      return print(bindings.map((pair) => pair.join('\t')).join('\n'));
    }
    case 'aks identity-binding create':
      state.bindings[cluster] = {
        ...state.bindings[cluster],
        [value('name')]: value('managed-identity-resource-id'),
      };
      return 0;
    case 'aks identity-binding delete':
      if (process.env['AZURE_CORE_DISABLE_CONFIRM_PROMPT'] !== 'yes')
        return refuse('are you sure?');
      delete state.bindings[cluster]?.[value('name')];
      return 0;
    case 'aks show':
      return print(value('query') === 'nodeResourceGroup' ? 'MC_nodes' : 'kubelet-object-id');
    case 'vmss list':
      return print('pool-1\npool-2');
    default:
      return print(`${command} of ${value('scope') || value('assignee') || value('name')}`);
  }
}

function list(owner: string): number {
  const found = state.credentials[owner];
  if (found === undefined) return refuse(`(ResourceNotFound) ${owner}`);
  return print(
    found
      .map(({ name, issuer, subject, audience }) => [name, issuer, subject, audience].join('\t'))
      .join('\n'),
  );
}

function create(owner: string, credential: Credential): number {
  const found = state.credentials[owner];
  if (found === undefined) return refuse(`(ResourceNotFound) ${owner}`);
  if (found.length >= 20) return refuse('too many federated credentials');
  const isTwin = found.some(
    ({ issuer, subject }) => issuer === credential.issuer && subject === credential.subject,
  );
  if (isTwin) return refuse('issuer and subject must be unique');
  found.push(credential);
  return 0;
}

function remove(owner: string, name: string): number {
  const found = state.credentials[owner] ?? [];
  const index = found.findIndex((one) => one.name === name);
  if (index === -1) return refuse(`there is no ${name}`);
  found.splice(index, 1);
  return 0;
}

function print(text: string): number {
  if (text !== '') process.stdout.write(`${text}\n`);
  return 0;
}

function refuse(message: string): number {
  process.stderr.write(`ERROR: ${message}\n`);
  return 1;
}
