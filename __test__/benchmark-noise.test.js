'use strict';

// Which rounds of a benchmark count: a noisy one is repeated and kept on record, neither averaged away nor dropped silently.

const assert = require('node:assert/strict');
const { before, describe, it } = require('node:test');

let noise;
let beside;
let load;

before(async () => {
  [noise, beside, load] = await Promise.all(
    ['noise', 'beside', 'load'].map((name) => import(`../benchmark/${name}.mjs`)),
  );
});

describe('furthest', () => {
  it('finds the one round that is far from the others, on either side', () => {
    assert.deepEqual(pick(noise.furthest([100, 101, 60, 99, 102])), { index: 2, value: 60, middle: 100 });
    assert.deepEqual(pick(noise.furthest([100, 101, 150, 99, 102])), { index: 2, value: 150, middle: 101 });
  });

  it('finds the furthest of several first', () => {
    assert.equal(noise.furthest([100, 101, 60, 99, 30, 102, 100]).index, 4);
  });

  it('lets rounds differ as they usually do', () => {
    // The median absolute deviation is 15: 45 and 155 are within three standard deviations.
    assert.equal(noise.furthest([85, 115, 100, 88, 112, 45, 155, 70, 130]), undefined);
  });

  it('lets rounds differ by the steady part of their median, however alike the others are', () => {
    assert.equal(noise.furthest([100, 100, 100, 100, 109]), undefined);
    assert.equal(noise.furthest([100, 100, 100, 100, 111]).index, 4);
    assert.equal(noise.furthest([100, 100, 100, 100, 111], 0.2), undefined);
  });

  it('is not moved by the far ones themselves, as a mean and a standard deviation are', () => {
    const values = [100, 101, 99, 102, 10_000, 98, 9_000];
    assert.equal(noise.furthest(values).index, 4);
  });

  it('says nothing of two rounds but that they disagree', () => {
    assert.equal(noise.furthest([100, 10]), undefined);
    assert.equal(noise.disagree([100, 10]), true);
    assert.equal(noise.disagree([100, 95]), false);
    assert.equal(noise.disagree([100, 10, 50]), false);
  });

  it('finds nothing among equal ones, nor among zeros', () => {
    assert.equal(noise.furthest([5, 5, 5]), undefined);
    assert.equal(noise.furthest([0, 0, 0]), undefined);
  });
});

/** Runs rounds whose figures are given: `script[transport]` in the order in which they are measured. */
async function play(script, { rounds, repeatSeconds = 60, ...options }) {
  const said = [];
  const measured = [];
  const runner = new beside.Rounds({ say: (line) => said.push(line), repeatSeconds });
  const transports = Object.keys(script);
  const kept = await runner.beside('a row', { transports, rounds, ...options }, (transport, round) => {
    measured.push(`${transport} ${round}`);
    const figures = script[transport];
    return figures[measured.filter((name) => name.startsWith(`${transport} `)).length - 1] ?? figures.at(-1);
  });
  const [record, ...others] = runner.take();
  assert.deepEqual(others, []);
  return { kept, record, measured, said };
}

describe('Rounds', () => {
  it('interleaves the transports and keeps quiet rounds as they are', async () => {
    const { kept, record, measured } = await play({ ours: [10, 10, 10], theirs: [5, 5, 5] }, { rounds: 3 });
    assert.deepEqual(measured, ['ours 0', 'theirs 0', 'ours 1', 'theirs 1', 'ours 2', 'theirs 2']);
    assert.deepEqual(kept, { ours: [10, 10, 10], theirs: [5, 5, 5] });
    assert.deepEqual(record, { what: 'a row', rounds: 3, kept, repeated: [], unsettled: null });
  });

  it('repeats a noisy round for all transports, and keeps on record what it was', async () => {
    const script = { ours: [10, 4, 10, 10.5], theirs: [5, 5.1, 5, 4.9] };
    const { kept, record, measured } = await play(script, { rounds: 3 });
    assert.deepEqual(measured.slice(6), ['ours 3', 'theirs 3']);
    assert.deepEqual(kept, { ours: [10, 10.5, 10], theirs: [5, 4.9, 5] });
    assert.deepEqual(record.repeated, [
      { round: 2, transport: 'ours', figure: 4, median: 10, figures: { ours: 4, theirs: 5.1 } },
    ]);
    assert.equal(record.unsettled, null);
  });

  it('gives up after half as many repeats as there are rounds, and says so', async () => {
    const { kept, record } = await play({ ours: [10, 10, 10, 1] }, { rounds: 4 });
    assert.equal(record.repeated.length, 2);
    assert.equal(record.unsettled, 'ours');
    // The last one stands: it is shown as uneven, and not left out.
    assert.deepEqual(kept.ours, [10, 10, 10, 1]);
  });

  it('repeats nothing once the time of all repeats is used up, and says so', async () => {
    const { record, measured } = await play({ ours: [10, 1, 10] }, { rounds: 3, repeatSeconds: 0 });
    assert.equal(measured.length, 3);
    assert.deepEqual(record.repeated, []);
    assert.equal(record.unsettled, 'ours');
  });

  it('has a third round decide between two', async () => {
    const { kept, record } = await play({ ours: [10, 3, 10.2] }, { rounds: 2 });
    assert.equal(record.kept, kept);
    // There was one repeat to spend, and the third round was it: what is far stays, and is named.
    assert.deepEqual(kept.ours, [10, 3, 10.2]);
    assert.equal(record.unsettled, 'ours');
  });

  it('judges latencies by their median, not by their tail', async () => {
    const script = { ours: [10, 10, 10].map((p50, index) => ({ p50, p95: 10 ** index, p99: 10 ** (index + 2) })) };
    const { record } = await play(script, { rounds: 3 });
    assert.deepEqual(record.repeated, []);
  });

  it('runs warm-up rounds under numbers of their own, and counts none of them', async () => {
    const { kept, measured } = await play({ ours: [1, 1, 10, 10, 10] }, { rounds: 3, warmUps: 2 });
    assert.deepEqual(measured, ['ours -2', 'ours -1', 'ours 0', 'ours 1', 'ours 2']);
    assert.deepEqual(kept, { ours: [10, 10, 10] });
  });
});

describe('the load of others', () => {
  const stat = (user, steal) => `cpu  ${user} 10 20 5000 30 0 5 ${steal} 7 0\ncpu0 1 2 3 4 5 6 7 8 0 0\nintr 5\n`;
  const own = (ticks) => `77 (node (a) b) S 1 2 3 4 5 6 7 8 9 10 ${ticks} 20 3 4 20 0 1 0 1467 31 39\n`;
  const reading = (at, user, steal, ticks) => ({
    at,
    ...load.parseStat(stat(user, steal)),
    own: load.parseOwn(own(ticks)),
  });

  it('is what the cores did, less what we did', () => {
    // Ten seconds: the cores were busy for 15 s, of which 9 s are ours, and 1 s went to the host's others.
    const between = load.othersBetween(reading(100, 1000, 50, 500), reading(110, 2500, 150, 1400));
    assert.ok(Math.abs(between.others - 0.6) < 1e-9, `${between.others}`);
    assert.ok(Math.abs(between.stolen - 0.1) < 1e-9, `${between.stolen}`);
    assert.match(load.complaintAbout(between), /^0\.6 cores, and the host 0\.10$/);
  });

  it('is no complaint where there was next to none, and null where the system does not say', () => {
    assert.equal(load.complaintAbout({ others: 0.1, stolen: 0 }), null);
    assert.equal(load.othersBetween(undefined, undefined), null);
    assert.equal(load.complaintAbout(null), null);
  });
});

function pick({ index, value, middle }) {
  return { index, value, middle };
}
