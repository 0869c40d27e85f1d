/**
 * The one file of prom-client that writes the exposition. The package's index brings a push gateway client
 * and the OpenTelemetry API with it: 6.3 MB of memory in every pod that is scraped, where this file takes
 * 0.1 MB. It is not part of the documented surface, so test/unit/metrics/exposition.test.ts pins what we
 * rely on.
 */
declare module 'prom-client/lib/registry.js' {
  /** What the registry asks of a metric; prom-client's own classes are built the same way. */
  interface RegisteredMetric {
    readonly name: string;
    get(): {
      readonly name: string;
      readonly help: string;
      readonly type: string;
      readonly values: readonly {
        readonly metricName?: string;
        readonly labels: Readonly<Record<string, string>>;
        readonly value: number;
      }[];
    };
  }

  class Registry {
    readonly contentType: string;
    /** @throws if another metric has this name. */
    registerMetric(metric: RegisteredMetric): void;
    metrics(): Promise<string>;
  }
  export = Registry;
}
