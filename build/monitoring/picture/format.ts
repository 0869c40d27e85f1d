import type { Unit } from '../panel.ts';

/** A value as Grafana would show it, in few characters. */
export function formatValue(value: number, unit: Unit, nowMs: number): string {
  switch (unit) {
    case 'percentunit':
      return `${toShort(value * 100)}%`;
    case 'reqps':
      return `${toShort(value)} req/s`;
    case 'ops':
      return `${toShort(value)} ops/s`;
    case 's':
      return formatSeconds(value);
    case 'bytes':
      return formatBytes(value);
    case 'dateTimeFromNow':
      return `${formatSeconds((nowMs - value) / 1_000)} ago`;
    case 'short':
      return toShort(value);
  }
}

function formatSeconds(seconds: number): string {
  if (seconds === 0) return '0 s';
  const size = Math.abs(seconds);
  if (size < 1) return `${toShort(seconds * 1_000)} ms`;
  if (size < 120) return `${toShort(seconds)} s`;
  if (size < 7_200) return `${toShort(seconds / 60)} min`;
  return size < 172_800 ? `${toShort(seconds / 3_600)} h` : `${toShort(seconds / 86_400)} d`;
}

function formatBytes(bytes: number): string {
  const mib = bytes / 1_048_576;
  return mib >= 1_024 ? `${toShort(mib / 1_024)} GiB` : `${toShort(mib)} MiB`;
}

/** Three digits, without zeros at the end. */
function toShort(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(Math.abs(value) >= 100 ? 4 : 3)));
}
