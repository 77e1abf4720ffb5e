// The page: follows the process and shows the newest of it. docs/live-view.md says what is where.

import { Alerts } from './alerts.mjs';
import { Charts } from './charts.mjs';
import { follow } from './connection.mjs';
import { byId, element, setText } from './dom.mjs';
import { clock, duration } from './format.mjs';
import { History, keyOf, nameOf } from './history.mjs';
import { Slots } from './palette.mjs';
import { Tables } from './tables.mjs';
import { Tiles } from './tiles.mjs';

/** Without a sample for so many of its intervals, and for so long at least, the process is busy or its monitor has stopped. */
const STALLED_AFTER_INTERVALS = 4;
const STALLED_AFTER_MS = 5000;

const history = new History();
const busSlots = new Slots();
const threadSlots = new Slots();
const tiles = new Tiles(byId('tiles'));
const alerts = new Alerts();
const charts = new Charts(history, busSlots, threadSlots);
const tables = new Tables(byId('tables'), history, busSlots, threadSlots);
byId('chart-grid').append(...charts.roots);

let state = 'connecting';
let lostAt = 0;
/** By this page's clock. */
let sampledAt = Date.now();
let isShowDue = false;

/** At most once for a frame, and not at all while nobody sees it. */
function showSoon() {
  if (isShowDue) return;
  isShowDue = true;
  requestAnimationFrame(() => {
    isShowDue = false;
    show();
  });
}

function show() {
  showState();
  const sample = history.newest;
  if (sample === undefined) return;
  const { name, pid, node, platform, cores, uptimeSeconds } = sample.process;
  const about = [name, `pid ${pid}`, `Node ${node}`, `${platform}, ${cores} cores`, `up ${duration(uptimeSeconds)}`];
  setText(byId('process'), about.join(' \u00b7 '));
  setText(byId('sampled'), clock(sample.time));
  // Colours go by the order of the first sample, whatever is sorted how later.
  for (const bus of sample.buses) busSlots.of(keyOf(bus));
  for (const { endpoint } of sample.threads) threadSlots.of(endpoint);
  showSelector();
  tiles.show(sample, history.sumOf(sample));
  alerts.show(sample, history.recommendations);
  const hasBuses = history.buses.size > 0;
  byId('charts').hidden = !hasBuses;
  byId('tables').hidden = false;
  tables.show(sample);
  if (hasBuses) charts.show();
  showEmpty(
    hasBuses
      ? undefined
      : 'No bus is open yet. Charts begin when a thread of this process opens one: new EventBus({ name }).',
  );
}

function showEmpty(text) {
  const empty = byId('empty');
  empty.hidden = text === undefined;
  if (text !== undefined) setText(empty, text);
}

function showSelector() {
  const select = byId('bus');
  const buses = history.buses;
  byId('bus-field').hidden = buses.size < 2;
  const wanted = JSON.stringify([...buses.keys()].sort());
  if (select.dataset.buses === wanted) return;
  select.dataset.buses = wanted;
  const options = [...buses].map(([key, bus]) => element('option', { value: key, text: nameOf(bus) }));
  select.replaceChildren(element('option', { value: '', text: 'all' }), ...options);
  if (!buses.has(history.selected)) history.selected = undefined;
  select.value = history.selected ?? '';
}

byId('bus').addEventListener('change', ({ target }) => {
  history.selected = target.value === '' ? undefined : target.value;
  showSoon();
});

function showState() {
  const sample = history.newest;
  const silentMs = Date.now() - sampledAt;
  const isStalled =
    state === 'live' &&
    sample !== undefined &&
    silentMs > Math.max(STALLED_AFTER_MS, STALLED_AFTER_INTERVALS * 1000 * sample.seconds);
  const shown = isStalled ? 'stalled' : state;
  byId('state').dataset.state = shown;
  setText(byId('state'), shown);
  const lostMs = Date.now() - lostAt;
  const lost = lostMs < 1000 ? 'just now' : `${duration(lostMs / 1000)} ago`;
  const notices = {
    stalled: `No sample for ${duration(silentMs / 1000)}: the monitor's thread is busy, or monitoring has stopped.`,
    reconnecting: `The connection was lost ${lost}. It is tried again every two seconds.`,
    ended: `The process stopped serving ${lost}. What it showed last stays here; the page goes on when it is served again.`,
  };
  const waiting =
    state === 'live' && sample === undefined
      ? 'Waiting for the first sample: the monitor takes them from startMonitoring() on.'
      : undefined;
  const notice = notices[shown] ?? waiting;
  byId('notice').hidden = notice === undefined;
  if (notice !== undefined) setText(byId('notice'), notice);
  document.body.classList.toggle('old', shown !== 'live' && shown !== 'connecting');
}

follow({
  onHistory(samples, recommendations) {
    history.replace(samples, recommendations);
    sampledAt = Date.now();
    showSoon();
  },
  onSample(sample, recommendations) {
    if (history.add(sample, recommendations)) sampledAt = Date.now();
    showSoon();
  },
  onState(next) {
    if (state === 'live' || state === 'connecting') lostAt = Date.now();
    state = next;
    showState();
  },
});
setInterval(showState, 1000);
