'use strict';

// ObjectPool: what it hands out, what it keeps, what it counts, and that objects are not mixed up.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireArgumentError, AgentwireError, ObjectPool } = require('agentwire');
const { runNode, Thread } = require('./helpers.js');

/** A pool of numbered objects; reset wipes their content. */
function numberedPool(maxPoolSize, threadCacheSize, options) {
  let made = 0;
  const factory = () => ({ number: made++, content: '' });
  const reset = (object) => {
    object.content = '';
  };
  return new ObjectPool(factory, reset, maxPoolSize, threadCacheSize, options);
}

const notObjects = [undefined, null, 5, 5n, 'text', true, Symbol('s')];
const hasCode = (code) => (error) => error instanceof AgentwireError && error.code === code;

describe('acquire', () => {
  it('makes an object when none waits', () => {
    const pool = numberedPool();
    const objects = [pool.acquire(), pool.acquire(), pool.acquire()];
    assert.deepEqual(
      objects.map(({ number }) => number),
      [0, 1, 2],
    );
    const { created, acquired, inUse, totalCached } = pool.getStats();
    assert.deepEqual({ created, acquired, inUse, totalCached }, { created: 3, acquired: 3, inUse: 3, totalCached: 0 });
  });

  it('hands out what was released, the last first', () => {
    const pool = numberedPool();
    const [a, b, c] = [pool.acquire(), pool.acquire(), pool.acquire()];
    for (const object of [b, a, c]) pool.release(object);
    assert.deepEqual([pool.acquire(), pool.acquire(), pool.acquire()], [c, a, b]);
    assert.equal(pool.getStats().created, 3);
  });

  it('passes on what the factory throws, and counts nothing', () => {
    const failure = new Error('no more');
    let isEmpty = true;
    const pool = new ObjectPool(
      () => {
        if (isEmpty) throw failure;
        return {};
      },
      () => {},
    );
    const before = pool.getStats();
    assert.throws(
      () => pool.acquire(),
      (error) => error === failure,
    );
    assert.deepEqual(pool.getStats(), before);
    isEmpty = false;
    assert.deepEqual(pool.acquire(), {});
  });

  it('refuses a factory that returns no object, and counts nothing', () => {
    for (const given of notObjects) {
      const pool = new ObjectPool(
        () => given,
        () => {},
      );
      const before = pool.getStats();
      assert.throws(() => pool.acquire(), AgentwireArgumentError);
      assert.deepEqual(pool.getStats(), before);
    }
  });
});

describe('release', () => {
  it('resets an object once, before the next user has it', () => {
    const resets = [];
    const pool = new ObjectPool(
      () => ({ content: '' }),
      (object) => {
        resets.push(object);
        object.content = '';
      },
    );
    const object = pool.acquire();
    object.content = 'secret';
    pool.release(object);
    assert.equal(resets.length, 1);
    assert.equal(resets[0], object);
    assert.equal(pool.acquire(), object);
    assert.equal(object.content, '');
    assert.equal(resets.length, 1);
  });

  it('passes on what reset throws, and does not use the object again', () => {
    const failure = new Error('cannot be reset');
    const pool = new ObjectPool(
      () => ({ isBroken: false }),
      ({ isBroken }) => {
        if (isBroken) throw failure;
      },
    );
    const object = pool.acquire();
    object.isBroken = true;
    assert.throws(
      () => pool.release(object),
      (error) => error === failure,
    );
    const { totalCached, inUse, dropped } = pool.getStats();
    assert.deepEqual({ totalCached, inUse, dropped }, { totalCached: 0, inUse: 0, dropped: 1 });
    assert.notEqual(pool.acquire(), object);
  });

  it('keeps at most maxPoolSize, of which the newest threadCacheSize are the thread cache', () => {
    const pool = numberedPool(5, 2);
    const objects = Array.from({ length: 8 }, () => pool.acquire());
    const seen = objects.map((object) => {
      pool.release(object);
      const { threadCacheCount, globalPoolSize, totalCached, dropped } = pool.getStats();
      return [threadCacheCount, globalPoolSize, totalCached, dropped];
    });
    const expected = [
      [1, 0, 1, 0],
      [2, 0, 2, 0],
      [2, 1, 3, 0],
      [2, 2, 4, 0],
      [2, 3, 5, 0],
      [2, 3, 5, 1],
      [2, 3, 5, 2],
      [2, 3, 5, 3],
    ];
    assert.deepEqual(seen, expected);
  });

  it('keeps nothing when maxPoolSize is 0, and has no thread cache when threadCacheSize is 0', () => {
    const none = numberedPool(0);
    none.release(none.acquire());
    assert.deepEqual([none.getStats().totalCached, none.getStats().dropped], [0, 1]);
    const global = numberedPool(10, 0);
    global.release(global.acquire());
    assert.deepEqual([global.getStats().threadCacheCount, global.getStats().globalPoolSize], [0, 1]);
  });

  it('takes functions, arrays and frozen objects, for they are objects', () => {
    for (const object of [() => {}, [], Object.freeze({}), Object.create(null)]) {
      const pool = new ObjectPool(
        () => object,
        () => {},
        10,
        10,
        { checked: true },
      );
      pool.release(pool.acquire());
      assert.equal(pool.acquire(), object);
    }
  });

  it('refuses what is no object, and counts nothing', () => {
    for (const checked of [false, true]) {
      const pool = numberedPool(10, 10, { checked });
      const before = pool.getStats();
      for (const given of notObjects) {
        assert.throws(() => pool.release(given), {
          code: 'ERR_AGENTWIRE_ARGUMENT',
          message: /^object must be an object of this pool; .+ was given$/,
        });
      }
      assert.deepEqual(pool.getStats(), before);
    }
  });
});

describe('clear', () => {
  it('lets go of what waits, and still takes back what is in use', () => {
    const pool = numberedPool();
    const [a, b] = [pool.acquire(), pool.acquire()];
    pool.release(a);
    pool.clear();
    const { totalCached, inUse, dropped } = pool.getStats();
    assert.deepEqual({ totalCached, inUse, dropped }, { totalCached: 0, inUse: 1, dropped: 1 });
    pool.release(b);
    assert.equal(pool.acquire(), b);
  });
});

describe('a factory or a reset that uses the pool itself', () => {
  it('gets objects of its own from a factory that acquires and releases', () => {
    let depth = 0;
    let made = 0;
    const pool = new ObjectPool(
      () => {
        const object = { number: made++ };
        depth += 1;
        if (depth === 1) pool.release(pool.acquire());
        if (depth === 2) pool.acquire();
        depth -= 1;
        return object;
      },
      () => {},
      10,
      10,
      { checked: true },
    );
    const first = pool.acquire();
    const second = pool.acquire();
    assert.notEqual(first, second);
    const { acquired, released, created, inUse, totalCached, dropped } = pool.getStats();
    // The first acquire made three: one stayed with the factory, one was released and became the second.
    assert.deepEqual(
      { acquired, released, created, inUse, totalCached, dropped },
      { acquired: 4, released: 1, created: 3, inUse: 3, totalCached: 0, dropped: 0 },
    );
    assert.equal(made, 3);
  });

  it('never keeps more than maxPoolSize when reset releases others', () => {
    const chained = (next) => ({ next });
    const pool = new ObjectPool(
      () => chained(null),
      (object) => {
        const { next } = object;
        object.next = null;
        if (next !== null) pool.release(next);
        assert.ok(pool.getStats().totalCached <= 3);
      },
      3,
      1,
      { checked: true },
    );
    const objects = Array.from({ length: 6 }, () => pool.acquire());
    for (let i = 0; i + 1 < objects.length; i += 1) objects[i].next = objects[i + 1];
    pool.release(objects[0]);
    const { released, inUse, totalCached, dropped } = pool.getStats();
    assert.deepEqual({ released, inUse, totalCached, dropped }, { released: 6, inUse: 0, totalCached: 3, dropped: 3 });
  });

  it('lets reset acquire and clear', () => {
    let taken;
    const pool = new ObjectPool(
      () => ({}),
      () => {
        pool.clear();
        taken ??= pool.acquire();
      },
      10,
      10,
      { checked: true },
    );
    const object = pool.acquire();
    pool.release(object);
    assert.notEqual(taken, object);
    assert.equal(pool.acquire(), object);
    assert.equal(pool.getStats().inUse, 2);
  });
});

describe('checked mode', () => {
  const checked = { checked: true };

  it('refuses a second release, and the pool stays as it was', () => {
    const pool = numberedPool(10, 10, checked);
    const object = pool.acquire();
    pool.release(object);
    const before = pool.getStats();
    assert.throws(() => pool.release(object), hasCode('ERR_AGENTWIRE_DOUBLE_RELEASE'));
    assert.deepEqual(pool.getStats(), before);
    assert.equal(pool.acquire(), object);
    pool.release(object);
  });

  it('refuses a second release also of an object that was not kept', () => {
    const full = numberedPool(0, 10, checked);
    const dropped = full.acquire();
    full.release(dropped);
    assert.throws(() => full.release(dropped), hasCode('ERR_AGENTWIRE_DOUBLE_RELEASE'));
    const cleared = numberedPool(10, 10, checked);
    const object = cleared.acquire();
    cleared.release(object);
    cleared.clear();
    assert.throws(() => cleared.release(object), hasCode('ERR_AGENTWIRE_DOUBLE_RELEASE'));
  });

  it('refuses a second release from within reset', () => {
    const pool = new ObjectPool(
      () => ({}),
      (object) => pool.release(object),
      10,
      10,
      checked,
    );
    assert.throws(() => pool.release(pool.acquire()), hasCode('ERR_AGENTWIRE_DOUBLE_RELEASE'));
    assert.equal(pool.getStats().totalCached, 0);
  });

  it('refuses an object that this pool never handed out', () => {
    const [pool, other] = [numberedPool(10, 10, checked), numberedPool(10, 10, checked)];
    const before = pool.getStats();
    for (const stranger of [{}, () => {}, other.acquire()]) {
      assert.throws(() => pool.release(stranger), hasCode('ERR_AGENTWIRE_NOT_FROM_POOL'));
    }
    assert.deepEqual(pool.getStats(), before);
  });

  it('is on by default where AGENTWIRE_CHECKED is 1, and nowhere else, also in worker threads', async () => {
    const program = `
      const { ObjectPool } = require('agentwire');
      const { Worker, isMainThread } = require('node:worker_threads');
      const attempt = (options) => {
        try {
          new ObjectPool(() => ({}), () => {}, 10, 10, options).release({});
          return 'taken';
        } catch ({ code }) {
          return code;
        }
      };
      console.log([attempt(), attempt({ checked: false }), attempt({ checked: true })].join(' '));
      if (isMainThread) new Worker(process.env.PROGRAM, { eval: true });`;
    const results = async (AGENTWIRE_CHECKED) => {
      const env = { ...process.env, PROGRAM: program, AGENTWIRE_CHECKED };
      const { stdout, stderr, code } = await runNode(['-e', program], { cwd: __dirname, env });
      assert.equal(code, 0, stderr);
      return stdout.trim().split(/\r?\n/);
    };
    const [refused, taken] = ['ERR_AGENTWIRE_NOT_FROM_POOL', 'taken'];
    assert.deepEqual(await results('1'), Array(2).fill(`${refused} ${taken} ${refused}`));
    for (const value of [undefined, '', '0', 'true']) {
      assert.deepEqual(await results(value), Array(2).fill(`${taken} ${taken} ${refused}`), value);
    }
  });
});

describe('new ObjectPool', () => {
  const make = () => ({});
  const reset = () => {};

  it('refuses wrong arguments, each by its name', () => {
    const refuses = (argument, action) =>
      assert.throws(action, (error) => {
        assert.ok(error instanceof AgentwireArgumentError);
        assert.match(error.message, new RegExp(`^${argument} must be .+; .+ was given$`));
        return true;
      });
    for (const given of [undefined, null, 5, 'text', {}]) {
      refuses('factory', () => new ObjectPool(given, reset));
      refuses('reset', () => new ObjectPool(make, given));
    }
    for (const given of [-1, 1.5, Number.NaN, Infinity, 2 ** 30 + 1, '5', null, 5n]) {
      refuses('maxPoolSize', () => new ObjectPool(make, reset, given));
      refuses('threadCacheSize', () => new ObjectPool(make, reset, 10, given));
    }
    for (const given of [null, 5, 'text', true]) refuses('options', () => new ObjectPool(make, reset, 10, 10, given));
    for (const given of [null, 1, 'true']) {
      refuses('checked', () => new ObjectPool(make, reset, 10, 10, { checked: given }));
    }
  });

  it('refuses an option that it does not know', () => {
    assert.throws(() => new ObjectPool(make, reset, 10, 10, { cheked: true }), {
      code: 'ERR_AGENTWIRE_UNKNOWN_OPTION',
      message: /"cheked".*it knows checked/,
    });
  });

  it('keeps 1,000 objects, 64 of them in the thread cache, unless told otherwise', () => {
    const pool = new ObjectPool(make, reset);
    const objects = Array.from({ length: 1001 }, () => pool.acquire());
    for (const object of objects) pool.release(object);
    const { threadCacheCount, globalPoolSize, dropped } = pool.getStats();
    assert.deepEqual(
      { threadCacheCount, globalPoolSize, dropped },
      { threadCacheCount: 64, globalPoolSize: 936, dropped: 1 },
    );
  });
});

it('is a pool of its own in each thread', async (t) => {
  const thread = await Thread.start(t);
  const stats = await thread.run(({ agentwire }) => {
    const pool = new agentwire.ObjectPool(
      () => ({}),
      () => {},
    );
    pool.release(pool.acquire());
    return pool.getStats();
  });
  assert.equal(stats.totalCached, 1);
});

it('behaves as a plain stack with a bound, whatever is called', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant({ kind: 'acquire' }) },
    { weight: 5, arbitrary: fc.nat(50).map((which) => ({ kind: 'release', which, fails: which % 7 === 0 })) },
    { weight: 1, arbitrary: fc.constant({ kind: 'clear' }) },
    { weight: 1, arbitrary: fc.nat(50).map((which) => ({ kind: 'release again', which })) },
  );
  const sizes = fc.nat(6);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), sizes, sizes, fc.boolean(), (steps, most, cache, checked) => {
      let made = 0;
      let fails = false;
      const pool = new ObjectPool(
        () => ({ number: made++ }),
        () => {
          if (fails) throw new Error('reset');
        },
        most,
        cache,
        { checked },
      );
      // The model: who is out, who waits, what was counted.
      const out = [];
      const waiting = [];
      const gone = [];
      let [acquired, released, created, dropped] = [0, 0, 0, 0];
      for (const { kind, ...details } of steps) {
        if (kind === 'acquire') {
          const object = pool.acquire();
          if (waiting.length > 0) assert.equal(object, waiting.pop());
          else assert.equal(object.number, created++);
          acquired += 1;
          out.push(object);
        } else if (kind === 'release' && out.length > 0) {
          const [object] = out.splice(details.which % out.length, 1);
          fails = details.fails;
          released += 1;
          if (fails) assert.throws(() => pool.release(object), /^Error: reset$/);
          else pool.release(object);
          if (fails || waiting.length === most) {
            dropped += 1;
            gone.push(object);
          } else {
            waiting.push(object);
          }
        } else if (kind === 'clear') {
          pool.clear();
          dropped += waiting.length;
          gone.push(...waiting.splice(0));
        } else if (kind === 'release again' && checked) {
          const candidates = [...waiting, ...gone];
          const object = candidates[details.which % candidates.length];
          const code = object === undefined ? 'ERR_AGENTWIRE_NOT_FROM_POOL' : 'ERR_AGENTWIRE_DOUBLE_RELEASE';
          assert.throws(() => pool.release(object ?? {}), { code });
        }
        const totalCached = waiting.length;
        const threadCacheCount = Math.min(totalCached, cache);
        const globalPoolSize = totalCached - threadCacheCount;
        const expected = { globalPoolSize, threadCacheCount, totalCached, acquired, released, created, dropped };
        assert.deepEqual(pool.getStats(), { ...expected, maxPoolSize: most, inUse: out.length });
        assert.equal(new Set([...out, ...waiting]).size, out.length + waiting.length);
      }
    }),
    { numRuns: 500 },
  );
});
