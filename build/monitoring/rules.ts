import { stringify } from 'yaml';
import { alerts } from './alerts.ts';
import { recordingRules } from './recording-rules.ts';
import { type Alert, toDescription, toExpression, toRunbookUrl } from './rule.ts';

const about = `Recording rules and alerts of workload-identity-imds-proxy. docs/monitoring.md says how to install them.
Written by npm run docs from build/monitoring.`;

/** The groups of a rule file, which is also the spec of a PrometheusRule. */
const groups = {
  groups: [
    { name: 'imds-proxy.rules', rules: recordingRules },
    { name: 'imds-proxy.alerts', rules: alerts.map(toRule) },
  ],
};

function toRule(alert: Alert): object {
  const { for: wait, severity, summary } = alert;
  return {
    alert: alert.alert,
    expr: toExpression(alert),
    ...(wait === undefined ? {} : { for: wait }),
    labels: { severity },
    annotations: {
      summary,
      description: toDescription(alert),
      runbook_url: toRunbookUrl(alert.alert),
    },
  };
}

/** For `rule_files` of a plain Prometheus, for Thanos and Mimir, and for Azure's converter of rules. */
export function renderRuleFile(): string {
  return toYaml(about, groups);
}

/** The same for the Prometheus Operator. */
export function renderPrometheusRule(): string {
  return toYaml(
    `${about}\nThe Prometheus Operator takes only rules with the labels of its ruleSelector: add yours.`,
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'imds-proxy' },
      spec: groups,
    },
  );
}

/** A file with a comment at its head. Texts stay on one line, and expressions keep their lines. */
export function toYaml(comment: string, value: object): string {
  const head = comment.replaceAll(/^/gm, '# ');
  return `${head}\n${stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
