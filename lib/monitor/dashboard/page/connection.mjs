// The connection to the process: all it has seen once, then each sample as it is taken; again from the start when it was lost.

/** How long until it is tried again, ms. */
const RETRY_MS = 2000;

/**
 * Follows the monitor. `onHistory` gets all samples whenever a connection was made, `onSample` each new one, `onState` what became of it:
 * 'live'; 'reconnecting', when the connection was lost; 'ended', when the process has said that it is over.
 */
export function follow({ onHistory, onSample, onState }) {
  let state = 'connecting';
  const become = (next) => {
    if (next === state) return;
    state = next;
    onState(state);
  };

  function connect() {
    const events = new EventSource('api/events');
    let isLoaded = false;
    let isOver = false;
    // Samples that come while the history is on its way.
    const early = [];

    const again = (next) => {
      if (isOver) return;
      isOver = true;
      events.close();
      become(next);
      setTimeout(connect, RETRY_MS);
    };

    events.addEventListener('open', async () => {
      try {
        const response = await fetch('api/history', { cache: 'no-store' });
        if (!response.ok) throw new Error(`the history came with status ${response.status}`);
        const { samples, recommendations } = await response.json();
        if (isOver) return;
        onHistory(samples, recommendations);
        for (const event of early) onSample(event.sample, event.recommendations);
        isLoaded = true;
        become('live');
      } catch {
        again('reconnecting');
      }
    });
    events.addEventListener('message', ({ data }) => {
      const event = JSON.parse(data);
      if (isLoaded) onSample(event.sample, event.recommendations);
      else early.push(event);
    });
    events.addEventListener('end', () => again('ended'));
    // What has ended and does not come back has still ended.
    events.addEventListener('error', () => again(state === 'ended' ? 'ended' : 'reconnecting'));
  }

  connect();
}
