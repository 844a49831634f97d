/** How figures are read and shown. */
import type { MetricName } from '../scenario.js';

interface Metric {
  readonly better: 'more' | 'less';
  show(value: number): string;
}

const METRICS: Readonly<Record<MetricName | 'lost', Metric>> = {
  rate: { better: 'more', show: (value) => `${Math.round(value).toLocaleString('en')} events/s` },
  answers: { better: 'more', show: (value) => `${Math.round(value).toLocaleString('en')} answers/s` },
  p50: { better: 'less', show: (value) => `p50 ${Math.round(value)} µs` },
  p99: { better: 'less', show: (value) => `p99 ${Math.round(value)} µs` },
  time: { better: 'less', show: (value) => `${value.toFixed(1)} ms` },
  memory: { better: 'less', show: (value) => `${Math.round(value)} MB` },
  lost: { better: 'less', show: (value) => `${(value * 100).toFixed(1)} %` },
};

export function metric(name: MetricName | 'lost'): Metric {
  return METRICS[name];
}

/** `show` of what is a number; nothing for what could not be measured. */
export function showKnown(value: number | undefined, show: (value: number) => string): string {
  return value === undefined || !Number.isFinite(value) ? '' : show(value);
}
