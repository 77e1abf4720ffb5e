'use strict';

// Whose quota of the process-wide tables counts: that of the bus whose message brings a string or a shape in.

const assert = require('node:assert/strict');
const path = require('node:path');
const { it } = require('node:test');
const { EventBus } = require('agentwire');
const { Thread, uniqueName } = require('./helpers.js');

const dist = path.join(__dirname, '..', 'dist');
const { native } = require(path.join(dist, 'native.js'));
const { encodeSelfContained } = require(path.join(dist, 'codec', 'self-contained.js'));
const { shapeOf } = require(path.join(dist, 'codec', 'shape-tree.js'));
const { TableChannel } = require(path.join(dist, 'codec', 'table-channel.js'));
const { Tables } = require(path.join(dist, 'codec', 'tables.js'));

/** As the layout has it. */
const serializer = 1;
const usageOf = (bus) => ({ ...native.internUsage(native.internChannel(bus)) });

/** Uses a bus's quota of shapes up: how many it got. */
function useUp(channel) {
  for (let index = 0; ; index += 1) {
    if (native.internShape(channel, encodeSelfContained([`filler ${channel}`, `${index}`])) === 0) return index;
  }
}

function publishRepeatedly(bus, message) {
  for (let i = 0; i < 20; i += 1) bus.publish('quota', message);
  bus.flush();
}

it('what a bus sends is counted for it, for its headers too, and for no other', (t) => {
  const [first, second] = [uniqueName('quota'), uniqueName('quota')];
  const buses = [first, second].map((name) => new EventBus({ name }));
  t.after(() => {
    for (const bus of buses) bus.close();
  });
  const before = { ...native.internUsage(serializer) };
  publishRepeatedly(buses[0], { [`${first} a`]: `${first} text` });
  publishRepeatedly(buses[1], [{ [`${second} a`]: 1 }, { [`${second} b`]: 1 }]);
  const { strings, shapes } = usageOf(first);
  assert.deepEqual({ strings, shapes }, { strings: 1, shapes: 1 });
  assert.equal(usageOf(second).shapes, 2);
  for (let i = 0; i < 20; i += 1) buses[1].publish('quota', 0, { headers: { [`${second} header`]: 'of a message' } });
  assert.deepEqual([usageOf(second).shapes, usageOf(second).strings], [3, 1]);
  // What is in the table already costs the one that comes second nothing.
  publishRepeatedly(buses[1], { [`${first} a`]: `${first} text` });
  assert.deepEqual([usageOf(second).shapes, usageOf(second).strings], [3, 1]);
  assert.deepEqual({ ...native.internUsage(serializer) }, before);
});

it('a bus that is opened again, in whatever thread, goes on with the account of its name', async (t) => {
  const name = uniqueName('quota');
  const bus = new EventBus({ name });
  publishRepeatedly(bus, { [`${name} first`]: 1 });
  bus.close();
  const again = new EventBus({ name });
  t.after(() => again.close());
  publishRepeatedly(again, { [`${name} second`]: 1 });
  assert.equal(usageOf(name).shapes, 2);
  const thread = await Thread.start(t);
  await thread.run(({ agentwire }, name) => {
    const bus = new agentwire.EventBus({ name });
    for (let i = 0; i < 20; i += 1) bus.publish('quota', { [`${name} third`]: 1 });
    bus.close();
  }, name);
  assert.equal(usageOf(name).shapes, 3);
});

it('a refusal is of one bus: another one of the same thread gets the shape, and then both have it', () => {
  const [greedy, modest] = [uniqueName('quota'), uniqueName('quota')];
  const taken = useUp(native.internChannel(greedy));
  assert.ok(taken > 1000 && taken <= 16_384 / 4, `${taken}`);
  const tables = new Tables();
  const channels = { greedy: TableChannel.ofBus(greedy), modest: TableChannel.ofBus(modest) };
  const keys = ['the', 'keys', 'of', greedy];
  const ask = (channel) => {
    const shape = shapeOf(keys);
    for (let i = 0; i < 5 && shape.id === 0; i += 1) tables.admit(shape, channel);
    return shape.id;
  };
  assert.equal(ask(channels.greedy), 0);
  const id = ask(channels.modest);
  assert.deepEqual([...tables.shape(id).keys], keys);
  assert.equal(ask(channels.greedy), id);
  assert.equal(usageOf(modest).shapes, 1);
  assert.equal(usageOf(greedy).shapes, taken);
});

it('buses that use their quotas up one after the other never fill the table', () => {
  const taken = Array.from({ length: 12 }, () => useUp(native.internChannel(uniqueName('quota'))));
  for (let index = 1; index < taken.length; index += 1) {
    assert.ok(taken[index] > 0 && taken[index] < taken[index - 1], `${taken}`);
  }
  assert.ok(native.internUsage().shapes < 16_384);
});

it('the channels beyond the last that has an account share one', () => {
  const numbers = new Set(Array.from({ length: 5000 }, (_, index) => native.internChannel(`bus ${index}`)));
  assert.equal(native.internChannel('one more'), 0);
  assert.ok(numbers.size <= 4096 && numbers.has(0), `${numbers.size}`);
  const before = { ...native.internUsage(0) };
  // A number that was never given counts there too.
  assert.notEqual(native.internString(0xffff_ffff, encodeSelfContained('of a number that nobody has')), 0);
  assert.equal(native.internUsage(0).strings, before.strings + 1);
});
