export function median(values) {
  return percentile(values, 0.5);
}

/** The value below which the fraction `p` of the values lies (nearest rank). */
export function percentile(values, p) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * The straight line that fits best (least squares): its slope, and how far from that the true one may well be by chance (the
 * slope's standard error).
 */
export function slopeOf(points) {
  const count = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const rest = points.reduce((sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (count - 2) / spread) };
}

/** Columns padded to their widest cell; numbers stand as they were formatted. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => String(cell).padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** ns with as many digits as mean something. */
export function nanoseconds(ns) {
  return `${ns.toFixed(ns < 100 ? 1 : 0)} ns`;
}

/** us, or ms where those are thousands. */
export function microseconds(ns) {
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(ns < 1e7 ? 2 : 1)} ms`;
  return `${(ns / 1000).toFixed(ns < 10_000 ? 2 : 1)} us`;
}

/** The three percentiles that rows of latency show. */
export function percentilesText({ p50, p95, p99 }) {
  return [p50, p95, p99].map(microseconds).join(' / ');
}

export function perSecond(speed) {
  return speed >= 1e6 ? `${(speed / 1e6).toFixed(2)} M/s` : `${Math.round(speed / 1e3)} k/s`;
}

/** Bytes in the unit that fits, of 1,000 or 1,000,000 bytes. */
export function bytes(count) {
  const size = Math.abs(count);
  if (size >= 1e6) return `${(count / 1e6).toFixed(2)} MB`;
  return size >= 1e4 ? `${(count / 1e3).toFixed(1)} KB` : `${Math.round(count)} B`;
}
