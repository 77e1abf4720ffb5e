'use strict';

// What a message can carry comes back as it went in; what it cannot is refused with the place and the reason.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const vm = require('node:vm');
const { AgentwireValueError, EventBus } = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');
const { fixture, publishAll, runNode, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('values'), onError: (error) => assert.fail(error) });
  t.after(() => bus.close());
  return bus;
}

/** Publishes a value and gives back what arrives. */
async function roundTrip(bus, topic, value, options) {
  let arrived;
  const subscription = bus.subscribe(topic, (payload, context) => {
    arrived = { payload, context };
  });
  await publishAll(bus, topic, [value], options);
  await waitUntil(() => arrived !== undefined, `the message of ${topic}`);
  subscription.unsubscribe();
  return arrived;
}

/** Enough for shapes and strings to travel by id. */
const times = 5;

describe('a value', () => {
  it('comes back as it went in, the first time and again', async (t) => {
    const bus = openBus(t);
    let got = [];
    bus.subscribe('value.**', (payload) => got.push(payload));
    for (const [index, [name, value, expected]] of makeValues().entries()) {
      for (let i = 0; i < times; i += 1) await publishAll(bus, `value.${index}`, [value]);
      await waitUntil(() => got.length === times, name);
      for (const payload of got) assertSame(payload, expected, name);
      got = [];
    }
    assert.equal({}.polluted, undefined);
  });

  it('comes back as it went in when all share one topic', async (t) => {
    const bus = openBus(t);
    const values = makeValues();
    const got = [];
    bus.subscribe('one', (payload) => got.push(payload));
    for (let i = 0; i < times; i += 1) {
      await publishAll(
        bus,
        'one',
        values.map(([, value]) => value),
      );
    }
    await waitUntil(() => got.length === times * values.length, 'all values');
    for (const [index, payload] of got.entries()) {
      const [name, , expected] = values[index % values.length];
      assertSame(payload, expected, name);
    }
  });

  it('comes back as it went in from another thread, which learns shapes and strings from ours', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(
      ({ agentwire, state, require }, name, file, sameFile) => {
        const { assertSame } = require(sameFile);
        const values = require(file).makeValues();
        state.bus = new agentwire.EventBus({ name });
        state.count = 0;
        state.bus.subscribe('values.*', (payload, { correlationId, topic }) => {
          const [name, , expected] = values[Number(correlationId)];
          let fault = null;
          try {
            assertSame(payload, expected);
          } catch ({ message }) {
            fault = `${topic}, ${name}: ${message}`;
          }
          state.bus.publish('answer', fault);
          state.bus.publish('back', payload, { correlationId });
        });
      },
      bus.name,
      fixture('values.js'),
      fixture('same.js'),
    );
    const values = makeValues();
    const faults = [];
    let answers = 0;
    let back = 0;
    bus.subscribe('answer', (fault) => {
      answers += 1;
      if (fault !== null) faults.push(fault);
    });
    bus.subscribe('back', (payload, { correlationId }) => {
      back += 1;
      const [name, , expected] = values[Number(correlationId)];
      assertSame(payload, expected, name);
    });
    for (let i = 0; i < times; i += 1) {
      for (const [index, [, value]] of values.entries()) {
        await publishAll(bus, `values.${index % 3}`, [value], { correlationId: BigInt(index) });
      }
      const sent = (i + 1) * values.length;
      await waitUntil(() => answers === sent && back === sent, 'all answers');
    }
    assert.deepEqual(faults, []);
  });

  it('travels as headers do', async (t) => {
    const bus = openBus(t);
    for (const [index, [name, value, expected]] of makeValues().entries()) {
      if (name.includes('depth 128')) continue;
      const { payload, context } = await roundTrip(bus, `headers.${index % 5}`, index, { headers: { value, name } });
      assert.equal(payload, index);
      assertSame(context.headers, { value: expected, name }, name);
    }
  });

  it('comes back as it went in where no code may be generated', async () => {
    const flag = '--disallow-code-generation-from-strings';
    const { code, signal, stdout, stderr } = await runNode([flag, fixture('scenarios.js'), 'round-trip']);
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    assert.equal(stdout, `generates code: false, values: ${makeValues().length}, faults: 0\n`);
  });

  it('may come from a shape that other threads have made', async (t) => {
    const bus = openBus(t);
    const threads = await Promise.all([1, 2, 3].map(() => Thread.start(t)));
    let count = 0;
    const perThread = 500;
    bus.subscribe('shapes', (payload) => {
      const { kind, who, i } = payload;
      const expected = { kind, who, i, [`extra${i % 20}`]: 'text', [`more${i % 3}`]: [{ i }, { i, who }] };
      assertSame(payload, expected);
      count += 1;
    });
    await Promise.all(
      threads.map((thread, who) =>
        thread.run(
          async ({ agentwire }, name, who, perThread) => {
            const bus = new agentwire.EventBus({ name });
            for (let i = 0; i < perThread; i += 1) {
              const kind = `kind-${i % 10}`;
              const message = { kind, who, i, [`extra${i % 20}`]: 'text', [`more${i % 3}`]: [{ i }, { i, who }] };
              while (!bus.publish('shapes', message)) await bus.writable('shapes');
            }
          },
          bus.name,
          who,
          perThread,
        ),
      ),
    );
    await waitUntil(() => count === threads.length * perThread, 'all messages');
  });
});

function refused(bus, value, { code = 'ERR_AGENTWIRE_UNSUPPORTED', path, message }, what) {
  // Several times: a shape that was learnt must not let it through.
  for (let i = 0; i < times; i += 1) {
    assert.throws(
      () => bus.publish('refused', value),
      (error) => {
        assert.ok(error instanceof AgentwireValueError, String(error));
        assert.equal(error.code, code);
        if (path !== undefined) assert.equal(error.path, path);
        if (message !== undefined) assert.match(error.message, message);
        return true;
      },
      what,
    );
  }
}

describe('a value that cannot be sent', () => {
  const unsupported = {
    'a function': [() => {}, /a function/],
    'a class': [class A {}, /a function/],
    'a symbol': [Symbol('s'), /a symbol/],
    'an Error': [new TypeError('no'), /an Error.*\{name, message, stack\}/],
    'an Error of another realm': [vm.runInNewContext('new Error("no")'), /an Error/],
    'a subclass of Error': [new (class MyError extends Error {})('no'), /an Error/],
    'a Promise': [Promise.resolve(), /a Promise.*await/],
    'a RegExp': [/x/, /a RegExp/],
    'a boxed string': [Object('text'), /a boxed primitive/],
    'a boxed number': [Object(1), /a boxed primitive/],
    'a boxed bigint': [Object(1n), /a boxed primitive/],
    'a boxed symbol': [Object(Symbol('s')), /a boxed primitive/],
    'a SharedArrayBuffer': [new SharedArrayBuffer(8), /a SharedArrayBuffer/],
    'a WeakMap': [new WeakMap(), /weak collection/],
    'a WeakSet': [new WeakSet(), /weak collection/],
    'a WeakRef': [new WeakRef({}), /WeakRef/],
    'a generator': [
      (function* () {
        yield 1;
      })(),
      /iterator/,
    ],
    'an iterator of a Map': [new Map().entries(), /iterator/],
    'an iterator of a Set': [new Set().values(), /iterator/],
  };

  for (const [name, [value, message]] of Object.entries(unsupported)) {
    it(`is ${name}`, (t) => {
      const bus = openBus(t);
      refused(bus, value, { path: '$', message }, 'alone');
      refused(bus, { a: { b: [1, value] } }, { path: '$.a.b[1]', message }, 'nested');
      refused(bus, { 'odd key': value }, { path: '$["odd key"]', message }, 'behind an odd key');
      refused(bus, new Map([['k', { v: value }]]), { path: '$.get("k").v', message }, 'in a Map');
      refused(bus, new Map([[value, 1]]), { path: '$.keys()', message }, 'as a key of a Map');
      refused(bus, [new Set([1, value])], { path: '$[0].values()', message }, 'in a Set');
    });
  }

  it('is one with a cycle', (t) => {
    const bus = openBus(t);
    const code = 'ERR_AGENTWIRE_CYCLE';
    const object = { a: {} };
    object.a.back = object;
    refused(bus, object, { code, path: '$.a.back', message: /refers back/ });
    const array = [1, []];
    array[1].push(array);
    refused(bus, array, { code, path: '$[1][0]' });
    const map = new Map();
    map.set('self', map);
    refused(bus, { map }, { code, path: '$.map.get("self")' });
    const set = new Set();
    set.add([set]);
    refused(bus, set, { code, path: '$.values()[0]' });
    const key = {};
    key.map = new Map([[key, 1]]);
    refused(bus, key, { code, path: '$.map.keys()' });
  });

  it('is one that is nested too deep', (t) => {
    const bus = openBus(t);
    const wraps = {
      array: (inner) => [inner],
      object: (inner) => ({ a: inner }),
      map: (inner) => new Map([['k', inner]]),
      set: (inner) => new Set([inner]),
    };
    for (const [name, wrap] of Object.entries(wraps)) {
      let value = 1;
      for (let depth = 1; depth <= 128; depth += 1) value = wrap(value);
      assert.equal(bus.publish('deep', value), true, `${name} 128`);
      refused(bus, wrap(value), { code: 'ERR_AGENTWIRE_TOO_DEEP', message: /128/ }, `${name} 129`);
      assert.equal(bus.publish('deep', value), true, `${name} 128 again`);
    }
  });

  it('is one that is too large', async (t) => {
    const bus = openBus(t);
    const limit = 64 * 1024 * 1024;
    const code = 'ERR_AGENTWIRE_TOO_LARGE';
    const bytes = new Uint8Array(limit);
    const expectTooLarge = (value) =>
      assert.throws(() => bus.publish('large', value), {
        name: 'AgentwireValueError',
        code,
        message: /67108864 bytes/,
      });
    expectTooLarge(bytes);
    expectTooLarge([bytes.subarray(0, limit / 2), bytes.subarray(0, limit / 2)]);
    expectTooLarge('x'.repeat(limit));
    expectTooLarge('☂'.repeat(limit / 2));
    // One that just fits is taken, and so is a small one after it.
    const got = [];
    bus.subscribe('large', (payload) => got.push(payload.length));
    assert.equal(bus.publish('large', bytes.subarray(0, limit - 64)), true);
    await waitUntil(() => got.length === 1, 'the large one');
    assert.equal(bus.publish('large', 'small'), true);
    await waitUntil(() => got.length === 2, 'the small one');
    assert.deepEqual(got, [limit - 64, 5]);
  });

  it('is a detached buffer, or a view of one', (t) => {
    const bus = openBus(t);
    const detached = (make) => {
      const buffer = new ArrayBuffer(16);
      const value = make(buffer);
      structuredClone(buffer, { transfer: [buffer] });
      return value;
    };
    refused(
      bus,
      detached((buffer) => buffer),
      { path: '$', message: /detached/ },
    );
    refused(bus, { a: detached((buffer) => new Uint8Array(buffer)) }, { path: '$.a', message: /detached/ });
    refused(bus, { a: [detached((buffer) => new Float64Array(buffer, 8))] }, { path: '$.a[0]', message: /detached/ });
    refused(bus, [detached((buffer) => new DataView(buffer))], { path: '$[0]', message: /detached/ });
  });

  it('leaves no trace: what is published before and behind it arrives', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('refused', (payload) => got.push(payload));
    bus.publish('refused', { a: 1, b: 'before' });
    refused(bus, { a: 1, b: () => {} }, { path: '$.b' });
    refused(bus, { a: 1, b: ['x'.repeat(10_000), () => {}] }, { path: '$.b[1]' });
    bus.publish('refused', { a: 1, b: 'behind' });
    await waitUntil(() => got.length === 2, 'the two');
    await turn();
    assert.deepEqual(got, [
      { a: 1, b: 'before' },
      { a: 1, b: 'behind' },
    ]);
  });
});

describe('a getter', () => {
  it('that throws has its own error come out', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('getter', (payload) => got.push(payload));
    for (const thrown of [new Error('from the getter'), 'a string', undefined, null, Symbol('s')]) {
      const value = {
        a: 1,
        b: {
          get c() {
            throw thrown;
          },
        },
      };
      for (const each of [value, [value], new Map([[1, value]])]) {
        for (let i = 0; i < times; i += 1) {
          let caught = 'nothing';
          try {
            bus.publish('getter', each);
          } catch (error) {
            caught = error;
          }
          assert.ok(Object.is(caught, thrown), `${String(caught)} for ${String(thrown)}`);
        }
      }
    }
    bus.publish('getter', 'behind');
    await waitUntil(() => got.length > 0, 'the message behind');
    assert.deepEqual(got, ['behind']);
  });

  it('that uses the bus is refused, and nothing is sent twice', async (t) => {
    const bus = openBus(t);
    const other = openBus(t);
    const got = [];
    const otherGot = [];
    bus.subscribe('getter', (payload) => got.push(payload));
    other.subscribe('getter', (payload) => otherGot.push(payload));
    const uses = {
      publish: () => bus.publish('getter', 'from the getter'),
      'publish to another bus': () => other.publish('getter', 'from the getter'),
      close: () => bus.close(),
      'close of another bus': () => other.close(),
    };
    let count = 0;
    for (const [name, use] of Object.entries(uses)) {
      bus.publish('getter', count);
      const value = {
        get a() {
          return use();
        },
      };
      assert.throws(() => bus.publish('getter', value), { code: 'ERR_AGENTWIRE_REENTRANT' }, name);
      assert.throws(() => bus.publish('getter', 1, { headers: value }), { code: 'ERR_AGENTWIRE_REENTRANT' }, name);
      count += 1;
    }
    // A flush has nothing to break: it does nothing, or it says no.
    bus.publish('getter', count);
    const flushing = {
      get a() {
        bus.flush();
        return 1;
      },
    };
    try {
      bus.publish('getter', flushing);
    } catch ({ code }) {
      assert.equal(code, 'ERR_AGENTWIRE_REENTRANT');
      bus.publish('getter', { a: 1 });
    }
    other.publish('getter', 'behind');
    bus.publish('getter', 'behind');
    await waitUntil(() => got.at(-1) === 'behind' && otherGot.length > 0, 'the messages behind');
    assert.deepEqual(got, [0, 1, 2, 3, 4, { a: 1 }, 'behind']);
    assert.deepEqual(otherGot, ['behind']);
  });

  it('that changes what is being published sends no broken message', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('changing', (payload) => got.push(payload));
    const makers = {
      'a Map that grows': () => {
        const map = new Map();
        return map.set('first', {
          get a() {
            map.set('second', 2);
            return 1;
          },
        });
      },
      'a Map that shrinks': () => {
        const map = new Map();
        const first = {
          get a() {
            map.delete('second');
            return 1;
          },
        };
        return map.set('first', first).set('second', 2);
      },
      'a Set that grows': () => {
        const set = new Set();
        return set.add({
          get a() {
            set.add(5);
            return 1;
          },
        });
      },
      'an array that shrinks': () => {
        const array = [
          {
            get a() {
              array.length = 1;
              return 1;
            },
          },
          2,
          3,
        ];
        return array;
      },
      'an object that loses a property': () => ({
        get a() {
          delete this.c;
          return 1;
        },
        b: 2,
        c: 3,
      }),
    };
    let published = 0;
    for (const [name, make] of Object.entries(makers)) {
      for (let i = 0; i < times; i += 1) {
        try {
          if (bus.publish('changing', make())) published += 1;
        } catch (error) {
          assert.equal(error.code, 'ERR_AGENTWIRE_UNSUPPORTED', name);
          assert.match(error.message, /changed while it was encoded/);
        }
      }
    }
    bus.publish('changing', 'behind');
    await waitUntil(() => got.at(-1) === 'behind', 'the message behind');
    assert.equal(got.length, published + 1);
    assert.equal(bus.getMetrics().dropped.undecodable, 0);
  });
});
