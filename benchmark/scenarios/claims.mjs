// What a scenario must show: claims that hold or not, each with the sentence that is printed when it does not.

/** `{must, error}` of a result row: `claims` is `{sentence: true or false}`. */
export function mustHold(text, claims) {
  const broken = Object.entries(claims)
    .filter(([, holds]) => !holds)
    .map(([sentence]) => sentence);
  return {
    must: { text, ok: broken.length === 0 },
    ...(broken.length === 0 ? {} : { error: `does not hold: ${broken.join('; ')}` }),
  };
}

/** admitted = handled + failed + dropped + dead-lettered + rerouted + in flight: docs/delivery.md. */
export function addsUp({ admitted, handled, failed, dropped, deadLettered, rerouted, inFlight }) {
  return admitted === handled + failed + droppedOf({ dropped }) + deadLettered + rerouted + inFlight;
}

export function droppedOf({ dropped }) {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0);
}

/** The figures of a bus once nothing is in flight. Throws with them when that does not come. */
export async function atRest(bus, { patienceMs = 30_000 } = {}) {
  const end = performance.now() + patienceMs;
  for (;;) {
    const metrics = bus.getMetrics();
    if (metrics.inFlight === 0) return metrics;
    if (performance.now() > end) throw new Error(`messages stay in flight: ${JSON.stringify(metrics)}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
