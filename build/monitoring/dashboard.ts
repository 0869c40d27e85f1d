import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as grafana from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { fleetRow } from './fleet-row.ts';
import type { Panel, Query } from './panel.ts';
import { podRow } from './pod-row.ts';
import { repositoryUrl } from './rule.ts';

const source = { type: 'prometheus', uid: '$datasource' };

/** Of panels that show one number, and of all others. */
const statHeight = 4;
const panelHeight = 8;

/** The dashboard, to import into Grafana or to put into a ConfigMap for its sidecar. */
export function renderDashboard(): string {
  const dashboard = new grafana.DashboardBuilder('workload-identity-imds-proxy')
    .uid('imds-proxy')
    .description(
      'Sidecars that answer like Azure IMDS and exchange the token of the ServiceAccount at Microsoft Entra. Needs the recording rules of deploy/monitoring.',
    )
    .tags(['azure', 'workload-identity', 'kubernetes'])
    .timezone('browser')
    .tooltip(grafana.DashboardCursorSync.Crosshair)
    .time({ from: 'now-3h', to: 'now' })
    .refresh('1m')
    .link(
      new grafana.DashboardLinkBuilder('Runbooks')
        .type(grafana.DashboardLinkType.Link)
        .url(`${repositoryUrl}/blob/main/docs/monitoring.md#alerts`)
        .targetBlank(true),
    );
  let lastId = 0;
  const nextId = (): number => {
    lastId += 1;
    return lastId;
  };
  for (const variable of variables()) dashboard.withVariable(variable);
  for (const row of [fleetRow, podRow]) {
    dashboard.withRow(new grafana.RowBuilder(row.title).id(nextId()));
    for (const panel of row.panels) dashboard.withPanel(toGrafana(panel, nextId()));
  }
  return `${JSON.stringify(dashboard.build(), undefined, 2)}\n`;
}

function variables(): readonly Builder<grafana.VariableModel>[] {
  const all = { selected: true, text: 'All', value: '$__all' };
  const query = (name: string, label: string, text: string): grafana.QueryVariableBuilder =>
    new grafana.QueryVariableBuilder(name)
      .label(label)
      .datasource(source)
      .query({ qryType: 1, query: text, refId: name })
      .refresh(grafana.VariableRefresh.OnTimeRangeChanged)
      .sort(grafana.VariableSort.AlphabeticalAsc);
  // A Prometheus of one cluster has no such label, which the regular expression fits as well.
  const any = '.*';
  return [
    new grafana.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    query('cluster', 'Cluster', 'label_values(imds_proxy_build_info, cluster)')
      .multi(true)
      .includeAll(true)
      .allValue(any)
      .current(all),
    query(
      'namespace',
      'Namespace',
      'label_values(imds_proxy_build_info{cluster=~"$cluster"}, namespace)',
    )
      .multi(true)
      .includeAll(true)
      .allValue(any)
      .current(all),
    query(
      'pod',
      'Pod',
      'label_values(imds_proxy_build_info{cluster=~"$cluster",namespace=~"$namespace"}, pod)',
    ),
  ];
}

function toGrafana(panel: Panel, id: number): Builder<grafana.Panel> {
  switch (panel.kind) {
    case 'stat':
      return toStat(panel).id(id);
    case 'table':
      return toTable(panel).id(id);
    case 'timeseries':
      return toTimeseries(panel).id(id);
  }
}

function toStat(panel: Panel): stat.PanelBuilder {
  return new stat.PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(source)
    .span(panel.width)
    .height(statHeight)
    .targets(panel.queries.map((query, index) => toTarget(query, index).range()))
    .unit(panel.unit)
    .thresholds(toThresholds(panel))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

function toTable(panel: Panel): table.PanelBuilder {
  return new table.PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(source)
    .span(panel.width)
    .height(panel.width < 12 ? statHeight : panelHeight)
    .targets(
      panel.queries.map((query, index) =>
        toTarget(query, index).instant().format(prometheus.PromQueryFormat.Table),
      ),
    )
    .unit(panel.unit)
    .withTransformation({
      id: 'organize',
      options: { excludeByName: { Time: true, __name__: true } },
    });
}

function toTimeseries(panel: Panel): timeseries.PanelBuilder {
  const built = new timeseries.PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(source)
    .span(panel.width)
    .height(panelHeight)
    .targets(panel.queries.map((query, index) => toTarget(query, index).range()))
    .unit(panel.unit)
    .min(0)
    .thresholds(toThresholds(panel))
    .lineWidth(1)
    .fillOpacity(panel.isStacked === true ? 30 : 0)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  if (panel.max !== undefined) built.max(panel.max);
  if (panel.steps !== undefined) {
    built.thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Line),
    );
  }
  if (panel.isStacked === true) {
    built.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
  }
  return built;
}

function toTarget({ expr, legend }: Query, index: number): prometheus.DataqueryBuilder {
  return new prometheus.DataqueryBuilder()
    .refId(String.fromCharCode(65 + index))
    .expr(expr)
    .legendFormat(legend)
    .datasource(source);
}

function toThresholds({ steps = [], isLessWorse }: Panel): grafana.ThresholdsConfigBuilder {
  const good = 'green';
  const [first] = steps;
  const colored =
    isLessWorse === true && first !== undefined
      ? [
          { value: null, color: first.color },
          { value: first.from, color: good },
        ]
      : [{ value: null, color: good }, ...steps.map(({ from, color }) => ({ value: from, color }))];
  return new grafana.ThresholdsConfigBuilder().mode(grafana.ThresholdsMode.Absolute).steps(colored);
}
