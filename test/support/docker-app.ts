import type { Container } from './docker.ts';

/** What an application of the container tests got for one request. */
export interface AppAnswer {
  readonly when: 'start' | 'stop' | 'once';
  readonly status?: number;
  readonly body?: string;
  /** The error's code, if there was no answer. */
  readonly error?: string;
}

const deadlineMs = 30_000;

/** The answer of that moment, once the application has written it. */
export async function answerOf(
  container: Pick<Container, 'name' | 'logs'>,
  when: AppAnswer['when'],
): Promise<AppAnswer> {
  const deadlineAt = Date.now() + deadlineMs;
  for (;;) {
    const log = await container.logs();
    const answers = log.split('\n').filter(Boolean).map(parse);
    const found = answers.find((answer) => answer.when === when);
    if (found !== undefined) return found;
    if (Date.now() > deadlineAt) throw new Error(`${container.name} has no answer:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Asks for a path of the metadata service inside a container, as that container's user or another. */
export async function askInside(
  container: Pick<Container, 'exec'>,
  path: string,
  user?: string,
): Promise<AppAnswer> {
  const command = ['env', `ASK_PATH=${path}`, 'node', '/app.cjs', 'once'];
  return parse((await container.exec(command, user)).output);
}

/** The claims of the token in an answer, read and not checked. */
export function toClaims({ body = '' }: AppAnswer): Readonly<Record<string, unknown>> {
  const { access_token: token } = JSON.parse(body) as { readonly access_token: string };
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

function parse(line: string): AppAnswer {
  return JSON.parse(line);
}
