/** One query of a panel, in PromQL with Grafana's variables. */
export interface Query {
  readonly expr: string;
  /** Names the series; Grafana fills in `{{label}}`. */
  readonly legend: string;
}

/** A panel of the dashboard, without anything that only Grafana needs. */
export interface Panel {
  readonly title: string;
  /** What it shows, and when to worry. Grafana shows it at the panel's corner. */
  readonly description: string;
  readonly kind: 'stat' | 'timeseries' | 'table';
  /** Of the values, in Grafana's words. */
  readonly unit: Unit;
  /** Of the 24 columns of a row. */
  readonly width: number;
  readonly queries: readonly Query[];
  /** Values from which a colour applies. */
  readonly steps?: readonly { readonly from: number; readonly color: 'orange' | 'red' }[];
  /** Little is bad: the colour of the first step applies below it. */
  readonly isLessWorse?: true;
  /** Series are parts of a whole. */
  readonly isStacked?: true;
  /** The highest value that makes sense. */
  readonly max?: number;
}

/** The units of the dashboard, as Grafana names them. */
export type Unit = 'short' | 'reqps' | 'ops' | 'percentunit' | 's' | 'bytes' | 'dateTimeFromNow';

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}
