/** Where this repository is published. Replace it in the written files by the address of your copy. */
export const repositoryUrl = 'https://git.example/imds-proxy';

/**
 * `critical`: applications get no tokens, now or within 30 minutes. `warning`: they will get none if it continues,
 * or a part of the pods is affected. `info`: look at it some time.
 */
export type Severity = 'critical' | 'warning' | 'info';

/** A series that is computed ahead, named `level:metric:operations` as Prometheus recommends. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/**
 * A query that returns one series for each pod that is concerned.
 * @param scope matchers of one namespace; empty for all.
 */
export type PodQuery = (scope: string) => string;

export interface Alert {
  readonly alert: string;
  readonly severity: Severity;
  /** The pods that are concerned: the alert counts them by namespace, and names some. */
  readonly pods?: PodQuery;
  /** If something else than their number is alerted on. */
  readonly expr?: string;
  /** How long it must be true before the alert fires; not set: at once. */
  readonly for?: string;
  /** One line, for the list of alerts. */
  readonly summary: string;
  /** What it means and what users notice. */
  readonly description: string;
  /** Needs metrics of kube-state-metrics. Without them it never fires. */
  readonly needsKubeStateMetrics?: true;
}

/** The labels of a fleet view. `cluster` is there only if several clusters share a Prometheus. */
export const byNamespace = 'by (cluster, namespace)';
export const byPod = 'by (cluster, namespace, pod)';

/** A metric with these matchers; empty ones do not count. */
export function select(metric: string, ...matchers: readonly string[]): string {
  const given = matchers.filter((matcher) => matcher !== '').join(',');
  return given === '' ? metric : `${metric}{${given}}`;
}

/** A text for each result of a query about the namespace of an alert, in Go's template language. */
export function forEachOf(query: PodQuery, text: string): string {
  const quoted = query('cluster=%[1]q,namespace=%[2]q').replaceAll(/\s+/g, ' ');
  return `{{ range printf \`${quoted}\` $labels.cluster $labels.namespace | query }}${text}{{ end }}`;
}

export function toExpression({ alert, expr, pods }: Alert): string {
  if (expr !== undefined) return expr;
  if (pods === undefined) throw new Error(`${alert} has neither an expression nor pods`);
  return `count ${byNamespace} (\n${pods('').replaceAll(/^/gm, '  ')}\n)`;
}

/** The description, with the names of three of the pods. */
export function toDescription({ description, pods }: Alert): string {
  if (pods === undefined) return description;
  const some: PodQuery = (scope) => `topk(3, ${pods(scope)})`;
  return `${description} For example:${forEachOf(some, ' {{ .Labels.pod }}')}.`;
}

/** The page in docs/runbooks about an alert. */
export function toRunbookUrl(alert: string): string {
  return `${repositoryUrl}/blob/main/${toRunbookFile(alert)}`;
}

/** The same page, as a path from the root of the project. */
export function toRunbookFile(alert: string): string {
  return `docs/runbooks/${alert}.md`;
}
