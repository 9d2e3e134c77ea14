import { Counter, Gauge, Registry } from 'prom-client';
import { assert } from '#base/errors.ts';
import { type MetricDefinition, type MetricName, type MetricSample, metricsTable } from './metrics-table.ts';

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * Prometheus text from samples. A registry lives for one page: two brokers in one process do not meet, and a metric that nobody
 * gave a number for is absent instead of 0. Samples with the same name and labels add up for counters; for gauges the last one holds.
 */
export async function renderMetrics(samples: readonly MetricSample[]): Promise<string> {
  const registry = new Registry();
  for (const [name, group] of Map.groupBy(samples, (sample) => sample.name)) {
    const definition = metricsTable[name] as MetricDefinition | undefined;
    assert(definition !== undefined, `the metric ${name} is not in the table`);
    const set = register(name, definition, registry);
    for (const { value, labels } of group) set(labels ?? {}, value);
  }
  return registry.metrics();
}

function register(name: MetricName, { kind, help, labels }: MetricDefinition, registry: Registry) {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'counter') {
    const counter = new Counter(options);
    return (values: Readonly<Record<string, string>>, value: number) => counter.inc(values, value);
  }
  const gauge = new Gauge(options);
  return (values: Readonly<Record<string, string>>, value: number) => gauge.set(values, value);
}
