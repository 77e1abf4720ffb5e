'use strict';

// `shared: true`: one decoded value for all such subscriptions of a thread, frozen in checked mode.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { uniqueName, waitUntil } = require('./helpers.js');

const message = { list: [1, { deep: true }], bytes: new Uint8Array([1, 2]), map: new Map([['key', { value: 1 }]]) };

async function received(t, options, payload, publishOptions) {
  const bus = new EventBus({ name: uniqueName('shared') });
  t.after(() => bus.close());
  const values = [];
  for (const each of options) bus.subscribe('a', (value) => values.push(value), each);
  bus.publish('a', payload, publishOptions);
  await waitUntil(() => values.length === options.length, 'all to get it');
  return values;
}

describe('subscriptions with shared', () => {
  it('get one value, and the others their own', async (t) => {
    const options = [{ shared: true }, {}, { shared: true }, { shared: false }];
    const values = await received(t, options, message);
    for (const value of values) assert.deepEqual(value, message);
    assert.equal(values[0], values[2]);
    assert.equal(new Set(values).size, 3);
  });

  it('get one value of a large message with headers too', async (t) => {
    const large = { bytes: new Uint8Array(100_000).fill(7) };
    const values = await received(t, [{ shared: true }, { shared: true }], large, { headers: { kind: 'large' } });
    assert.equal(values[0], values[1]);
    assert.deepEqual(values[0], large);
  });

  it('get another value of the next message', async (t) => {
    const bus = new EventBus({ name: uniqueName('shared') });
    t.after(() => bus.close());
    const values = [];
    for (let i = 0; i < 2; i += 1) bus.subscribe('a', (value) => values.push(value), { shared: true });
    bus.publish('a', { number: 1 });
    bus.publish('a', { number: 2 });
    await waitUntil(() => values.length === 4, 'both messages');
    assert.deepEqual(
      values.map(({ number }) => number),
      [1, 1, 2, 2],
    );
  });

  it('are said by true or false', (t) => {
    const bus = new EventBus({ name: uniqueName('shared') });
    t.after(() => bus.close());
    assert.throws(() => bus.subscribe('a', () => {}, { shared: 1 }), {
      code: 'ERR_AGENTWIRE_ARGUMENT',
      message: /shared/,
    });
  });

  it('get frozen values in checked mode', () => {
    const program = `
      const { EventBus } = require('agentwire');
      const bus = new EventBus();
      const seen = [];
      const look = (value) => seen.push([value, value.list, value.list[1], value.map.get('key')].map(Object.isFrozen));
      bus.subscribe('a', look, { shared: true });
      bus.subscribe('a', look);
      bus.subscribe('a', (value) => { value.list.push(1); }, { shared: true });
      bus.subscribe('alone', look, { shared: true });
      bus.publish('a', { list: [1, {}], bytes: new Uint8Array(2), map: new Map([['key', {}]]) });
      bus.publish('alone', { list: [1, {}], map: new Map([['key', {}]]) });
      setImmediate(() => console.log(JSON.stringify({ seen, failed: bus.getMetrics().failed })));
    `;
    const run = (checked) => {
      const env = { ...process.env, AGENTWIRE_CHECKED: checked, NODE_NO_WARNINGS: '1' };
      const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
        cwd: path.dirname(__dirname),
        env,
        encoding: 'utf8',
      });
      assert.equal(stderr, '');
      return JSON.parse(stdout);
    };
    const [frozen, free] = [Array(4).fill(true), Array(4).fill(false)];
    assert.deepEqual(run('1'), { seen: [frozen, free, frozen], failed: 1 });
    assert.deepEqual(run('0'), { seen: [free, free, free], failed: 0 });
  });
});
