'use strict';

// The facade is loaded several times into one thread by test runners and by programs with vm contexts: each is an endpoint.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { createRequire, isBuiltin } = require('node:module');
const path = require('node:path');
const { describe, it } = require('node:test');
const vm = require('node:vm');
const { turn, Thread, uniqueName, waitUntil } = require('./helpers.js');

const entry = path.join(__dirname, '..', 'index.js');

/** Loads the package once more, with the caches of require() emptied as test runners do. */
function loadAnew() {
  const folder = path.dirname(entry);
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(folder) && !file.includes('node_modules') && !file.startsWith(__dirname))
      delete require.cache[file];
  }
  return require(entry);
}

/** Loads the package into a realm of its own, where `Object`, `Map` and all the rest are others. */
function loadInContext() {
  const shared = { Buffer, console, performance, process, setImmediate, setTimeout, TextDecoder, TextEncoder };
  const context = vm.createContext(shared);
  const modules = new Map();
  const load = (file) => {
    if (file.endsWith('.node') || file.endsWith('.json')) return require(file);
    if (modules.has(file)) return modules.get(file).exports;
    const module = { exports: {} };
    modules.set(file, module);
    const requireReally = createRequire(file);
    const requireHere = (name) => (isBuiltin(name) ? require(name) : load(requireReally.resolve(name)));
    const source = `(function (exports, require, module, __filename, __dirname) {${fs.readFileSync(file, 'utf8')}\n})`;
    const run = vm.runInContext(source, context, { filename: file });
    run(module.exports, requireHere, module, file, path.dirname(file));
    return module.exports;
  };
  return { agentwire: load(entry), context };
}

const ways = {
  'after the cache of require() was cleared': () => ({ agentwire: loadAnew() }),
  'in a vm context': loadInContext,
};

for (const [name, load] of Object.entries(ways)) {
  describe(`the package loaded again ${name}`, () => {
    it('is on the same buses as the first', async (t) => {
      const first = require('agentwire');
      const second = load().agentwire;
      assert.notEqual(first.EventBus, second.EventBus);
      const name = uniqueName('vm');
      const [one, two] = [new first.EventBus({ name }), new second.EventBus({ name })];
      t.after(() => {
        one.close();
        two.close();
      });
      const got = { one: [], two: [] };
      one.subscribe('to.one', (payload, { publisher }) => got.one.push([payload.n, payload.list.length, publisher]));
      two.subscribe('to.*', (payload, { publisher }) => got.two.push([payload.n, payload.list.length, publisher]));
      for (let n = 0; n < 1000; n += 1) {
        const payload = { n, list: Array(n % 5).fill({ n }), fill: 'x'.repeat(n % 100 === 0 ? 5000 : 5) };
        while (!one.publish('to.two', payload)) await one.writable('to.two');
        while (!two.publish('to.one', payload)) await two.writable('to.one');
      }
      await waitUntil(() => got.one.length === 1000 && got.two.length === 2000, 'all messages');
      assert.equal(new Set(got.one.map(([, , publisher]) => publisher)).size, 1);
      assert.equal(new Set(got.two.map(([, , publisher]) => publisher)).size, 2);
      for (const publisher of new Set(got.two.map(([, , id]) => id))) {
        const numbers = got.two.filter(([, , id]) => id === publisher).map(([n]) => n);
        assert.deepEqual(
          numbers,
          Array.from({ length: 1000 }, (_, n) => n),
        );
      }
      // Each endpoint counts its own outcomes in, so the figures are the same once both have.
      await waitUntil(() => [one, two].every((bus) => bus.getMetrics().inFlight === 0), 'both to rest');
      // As text: in a vm context the same figures have prototypes of their own.
      assert.equal(JSON.stringify(one.getMetrics()), JSON.stringify(two.getMetrics()));
    });

    it('carries values and refuses what cannot be sent', async (t) => {
      const { agentwire, context } = load();
      const bus = new agentwire.EventBus({ name: uniqueName('vm') });
      t.after(() => bus.close());
      const got = [];
      bus.subscribe('x', (payload) => got.push(payload));
      const source = `({
        object: { a: [1, , 3] }, map: new Map([['k', new Set([1])]]), date: new Date(5), bytes: new Uint8Array([1, 2]),
        big: 2n ** 70n, text: '\\ud800 ☂', float: new Float64Array([NaN]), nothing: undefined,
      })`;
      const values = [vm.runInThisContext(source)];
      if (context) values.push(vm.runInContext(source, context));
      for (let i = 0; i < 5; i += 1) for (const value of values) bus.publish('x', value);
      await waitUntil(() => got.length === 5 * values.length, 'all values');
      for (const { object, map, date, bytes, big, text, float, ...rest } of got) {
        assert.deepEqual([object.a[0], 1 in object.a, object.a[2], object.a.length], [1, false, 3, 3]);
        assert.deepEqual([...map.get('k')], [1]);
        assert.equal(date.getTime(), 5);
        assert.deepEqual([...bytes, ...float], [1, 2, Number.NaN]);
        assert.deepEqual([big, text, rest], [2n ** 70n, '\ud800 ☂', { nothing: undefined }]);
      }
      for (const value of [() => {}, new Error('no'), vm.runInNewContext('new Error("no")'), Promise.resolve(), /x/]) {
        assert.throws(() => bus.publish('x', [value]), { code: 'ERR_AGENTWIRE_UNSUPPORTED', path: '$[0]' });
      }
      assert.throws(() => bus.publish(5, 1), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    });

    it('works in a worker too', async (t) => {
      const thread = await Thread.start(t);
      const result = await thread.run(async ({ require }, entry) => {
        const first = require(entry);
        for (const file of Object.keys(require.cache)) if (/dist/.test(file)) delete require.cache[file];
        delete require.cache[entry];
        const second = require(entry);
        const [one, two] = [new first.EventBus({ name: 'vm-worker' }), new second.EventBus({ name: 'vm-worker' })];
        const got = await new Promise((resolve) => {
          one.subscribe('x', resolve);
          two.publish('x', 'from the second');
        });
        return [first === second, got];
      }, entry);
      assert.deepEqual(result, [false, 'from the second']);
    });
  });
}

it('many copies in one thread bring no listener each', async () => {
  const warnings = [];
  const collect = (warning) => warnings.push(warning);
  process.on('warning', collect);
  const before = process.listenerCount('exit');
  const name = uniqueName('many');
  const buses = Array.from({ length: 20 }, () => new (loadAnew().EventBus)({ name }));
  let count = 0;
  for (const bus of buses) {
    bus.subscribe('x', () => {
      count += 1;
    });
  }
  for (const bus of buses) bus.publish('x', 1);
  await waitUntil(() => count === buses.length ** 2, 'all messages');
  await turn();
  process.off('warning', collect);
  assert.deepEqual(warnings, []);
  assert.ok(process.listenerCount('exit') <= before + 1);
  for (const bus of buses) bus.close();
});
