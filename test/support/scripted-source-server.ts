import {
  createDataServer,
  type DataServer,
  type DataServerOptions,
} from '../../src/proxy/http/data-server.ts';
import {
  createPassThroughGate,
  type PassThroughGate,
  type PassThroughOptions,
} from '../../src/proxy/http/pass-through-gate.ts';
import type { Metrics } from '../../src/proxy/metrics/metrics.ts';
import type { IdentityPolicy } from '../../src/proxy/protocol/identity.ts';
import type { TokenSource } from '../../src/proxy/token/token-source.ts';
import type { LogFields, Logger, LogLevel } from '../../src/shared/logger.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import type { Endpoint } from './raw-http.ts';
import { createScriptedSource, type ScriptedSource } from './scripted-source.ts';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps everything, at every level. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[];
}

export function createRecordingLogger(): RecordingLogger {
  const lines: LogLine[] = [];
  return {
    lines,
    isEnabled: () => true,
    log: (level, message, fields = {}) => void lines.push({ level, message, fields }),
  };
}

/** Metrics as a list of counted events, such as `denied host` or `finished token 200`. */
export interface RecordingMetrics extends Metrics {
  readonly counted: readonly string[];
}

export function createRecordingMetrics(): RecordingMetrics {
  const counted: string[] = [];
  const count = (...words: readonly (string | number)[]): void =>
    void counted.push(words.join(' '));
  return {
    counted,
    requestStarted: () => count('started'),
    requestFinished: (route, status) => count('finished', route, status),
    denied: (reason) => count('denied', reason),
    cache: (result) => count('cache', result),
    tokenRequestFailed: (code) => count('token request failed', code),
    exchange: (result) => count('exchange', result),
    refreshFailed: (code) => count('refresh failed', code),
    passthrough: (status) => count('passthrough', status),
    assertionReadError: () => count('assertion read error'),
  };
}

/** What a token source may need of the server's surroundings. */
export interface SourceDeps {
  readonly clock: ManualClock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A data server that listens on a free port of loopback. */
export interface TestServer<Source extends TokenSource> extends AsyncDisposable, SourceDeps {
  readonly endpoint: Endpoint;
  readonly server: DataServer;
  readonly source: Source;
  readonly logger: RecordingLogger;
  readonly metrics: RecordingMetrics;
  readonly passThrough: PassThroughGate;
}

export type ScriptedServer = TestServer<ScriptedSource>;

export interface TestServerOptions extends Partial<DataServerOptions> {
  readonly policy: IdentityPolicy;
  readonly passThrough?: PassThroughOptions;
}

export function startScriptedServer(options: TestServerOptions): Promise<ScriptedServer> {
  return startTestServer(({ clock }) => createScriptedSource(clock), options);
}

export async function startTestServer<Source extends TokenSource>(
  createSource: (deps: SourceDeps) => Source,
  { policy, passThrough: passThroughOptions = { mode: 'off' }, ...options }: TestServerOptions,
): Promise<TestServer<Source>> {
  const clock = createManualClock();
  const logger = createRecordingLogger();
  const metrics = createRecordingMetrics();
  const source = createSource({ clock, logger, metrics });
  const passThrough = createPassThroughGate({ clock, logger }, passThroughOptions);
  const server = createDataServer(
    { clock, logger, metrics, source, policy, passThrough },
    { port: 0, ...options },
  );
  const { port } = await server.listen();
  return {
    endpoint: { host: '127.0.0.1', port },
    server,
    clock,
    source,
    logger,
    metrics,
    passThrough,
    async [Symbol.asyncDispose]() {
      const closed = server.close();
      server.destroyConnections();
      await closed;
    },
  };
}
