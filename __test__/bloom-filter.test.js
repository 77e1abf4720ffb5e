'use strict';

// BloomFilter: never "no" of a string that was added, and "perhaps" of others no more often than asked for; from any thread.
// AGENTWIRE_FUZZ_RUNS=N runs N cases of each property.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireArgumentError, AgentwireError, BloomFilter } = require('agentwire');
const { native } = require(path.join(__dirname, '..', 'dist', 'native.js'));
const { Thread } = require('./helpers.js');

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 2000;
const headerBytes = 64;

const agents = (from, count) => Array.from({ length: count }, (_, index) => `agent-${from + index}`);
const codeUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units));
const texts = fc.array(fc.oneof(codeUnits, fc.string({ unit: 'binary', maxLength: 40 }), fc.string()), {
  maxLength: 60,
});

/** The bits of a filter, without the header. */
const bitsOf = (filter) => Buffer.from(new Uint8Array(filter.buffer, headerBytes).slice());

/** Holds when the error is of that code's class, and its message says all of that. */
const failure =
  (code, ...said) =>
  (error) => {
    const expected = code === 'ERR_AGENTWIRE_ARGUMENT' ? AgentwireArgumentError : AgentwireError;
    assert.equal(error.code, code, error.stack);
    assert.equal(error.constructor, expected, error.stack);
    for (const text of said) assert.ok(error.message.includes(text), `${text} is in: ${error.message}`);
    return true;
  };
const wrong = (...said) => failure('ERR_AGENTWIRE_ARGUMENT', ...said);

/** Strings that are hard to hash. */
const unusual = {
  'an empty string': '',
  'a NUL': '\0',
  'two NULs': '\0\0',
  'one unit': 'a',
  'a high surrogate alone': '\ud83d',
  'a low surrogate alone': 'x\ude00',
  'surrogates the wrong way round': '\ude00\ud83d',
  'the last unit': '\uffff',
  'an odd number of two-byte units': '日本語',
  'a million units': 'long '.repeat(200_000),
  'a million and one units': `${'日'.repeat(1_000_000)}x`,
};

describe('a filter', () => {
  it('knows what was added', () => {
    const filter = new BloomFilter();
    const known = agents(0, 10_000);
    assert.equal(filter.mightContain('agent-1'), false);
    for (const text of known) assert.equal(filter.add(text), undefined);
    for (const text of known) assert.equal(filter.mightContain(text), true, text);
    assert.equal(filter.expectedItems, 10_000);
    assert.equal(filter.falsePositiveRate, 0.01);
    assert.ok(filter.buffer instanceof SharedArrayBuffer);
  });

  it('counts its bits', () => {
    const filter = new BloomFilter(1000, 0.01);
    const { size, hashCount } = filter.getStats();
    assert.deepEqual(filter.getStats(), { size, hashCount, bitsSet: 0, utilization: 0 });
    assert.equal(filter.buffer.byteLength, headerBytes + size / 8);
    assert.equal(hashCount, 7);
    filter.add('one');
    assert.equal(filter.getStats().bitsSet, hashCount);
    filter.add('one');
    assert.equal(filter.getStats().bitsSet, hashCount);
    filter.addBatch(agents(0, 999));
    const { bitsSet, utilization } = filter.getStats();
    assert.equal(utilization, bitsSet / size);
    assert.ok(utilization > 0.4 && utilization < 0.6, `${utilization}`);
    let counted = 0;
    for (const byte of bitsOf(filter)) for (let bit = 0; bit < 8; bit += 1) counted += (byte >> bit) & 1;
    assert.equal(bitsSet, counted);
  });

  it('forgets everything when it is cleared, and nothing else of it changes', () => {
    const filter = new BloomFilter(100, 0.01);
    const fresh = Buffer.from(new Uint8Array(filter.buffer).slice());
    filter.addBatch(agents(0, 100));
    assert.equal(filter.clear(), undefined);
    assert.deepEqual(Buffer.from(new Uint8Array(filter.buffer).slice()), fresh);
    assert.deepEqual(filter.mightContainBatch(agents(0, 100)), new Array(100).fill(false));
    filter.add('again');
    assert.ok(filter.mightContain('again'));
  });

  it('takes batches', () => {
    const filter = new BloomFilter(1000, 1e-6);
    assert.equal(filter.addBatch(agents(0, 500)), undefined);
    const answers = filter.mightContainBatch(agents(0, 1000));
    assert.deepEqual(
      answers,
      Array.from({ length: 1000 }, (_, index) => index < 500),
    );
    assert.deepEqual(filter.mightContainBatch([]), []);
    filter.addBatch([]);
    const single = new BloomFilter(1000, 1e-6);
    for (const text of agents(0, 500)) single.add(text);
    assert.deepEqual(bitsOf(single), bitsOf(filter));
  });

  for (const [name, text] of Object.entries(unusual)) {
    it(`takes ${name}`, () => {
      const filter = new BloomFilter(100, 1e-6);
      assert.equal(filter.mightContain(text), false);
      filter.add(text);
      assert.equal(filter.mightContain(text), true);
      for (const other of [`${text}\0`, `\0${text}`, `${text}a`, ...Object.values(unusual)]) {
        if (other !== text) assert.equal(filter.mightContain(other), false);
      }
    });
  }

  it('knows a string whatever it is made of', () => {
    const filter = new BloomFilter(100, 1e-6);
    const flat = 'a string of some length, and some more';
    filter.add(flat);
    let joined = '';
    for (const unit of flat) joined += unit;
    const wide = `日${flat}`.slice(1);
    assert.deepEqual(filter.mightContainBatch([joined, wide, Buffer.from(flat).toString()]), [true, true, true]);
  });
});

describe('the rate of a full filter is at most the one asked for', () => {
  /** A deterministic stream of numbers below 2^32 (Marsaglia's xorshift). */
  const numbers = (state) => () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const next = numbers(2024);
  const random = (kind) => `${kind}${next().toString(36)}${next().toString(36)}`;
  const kinds = {
    'agents in sequence': [(index) => `agent-${index}`, (index) => `agent-${index + 1e6}`],
    'random text': [() => random('a'), () => random('b')],
    'numbers in sequence': [(index) => `${index}`, (index) => `${index + 1e6}`],
    'text that differs in the middle': [(index) => `task.${index}.result`, (index) => `task.${index}.resulT`],
    'two-byte text': [(index) => `任务-${index}`, (index) => `任務-${index}`],
  };
  for (const rate of [0.1, 0.01, 0.001]) {
    for (const [name, [known, other]] of Object.entries(kinds)) {
      for (const items of [100, 10_000, 100_000]) {
        it(`${rate * 100} %, ${items.toLocaleString('en')} items: ${name}`, (t) => {
          const filter = new BloomFilter(items, rate);
          const added = Array.from({ length: items }, (_, index) => known(index));
          filter.addBatch(added);
          assert.ok(!filter.mightContainBatch(added).includes(false), 'none is lost');
          const asked = 100_000;
          let taken = 0;
          for (let index = 0; index < asked; index += 1) taken += filter.mightContain(other(index)) ? 1 : 0;
          t.diagnostic(`${((taken / asked) * 100).toFixed(3)} %`);
          assert.ok(taken / asked <= rate, `${taken} of ${asked}`);
          assert.ok(taken > 0, 'and the filter is no larger than it needs to be');
        });
      }
    }
  }
});

describe('both languages', () => {
  /** The native side's view of a filter. */
  const nativeOf = (filter) => new native.NativeBloom(new Uint8Array(filter.buffer));

  it('set the same bits for any strings', () => {
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 1e-9, max: 0.99, noNaN: true }),
        (all, items, rate) => {
          const ours = new BloomFilter(items, rate);
          const theirs = new BloomFilter(items, rate);
          const other = nativeOf(theirs);
          for (const text of all) {
            ours.add(text);
            other.add(text);
            assert.ok(other.mightContain(text) && theirs.mightContain(text));
          }
          assert.deepEqual(bitsOf(ours), bitsOf(theirs));
        },
      ),
      { numRuns: runs },
    );
  });

  it('give the same answers, false positives included', () => {
    const filter = new BloomFilter(10_000, 0.1);
    const other = nativeOf(filter);
    filter.addBatch(agents(0, 10_000));
    let taken = 0;
    for (const text of agents(0, 30_000)) {
      const answer = filter.mightContain(text);
      assert.equal(other.mightContain(text), answer, text);
      taken += answer ? 1 : 0;
    }
    assert.ok(taken > 10_000);
  });

  it('set the same bits in a large filter, whose positions do not fit a product of 53 bits', () => {
    const items = 60_000_000;
    const ours = new BloomFilter(items, 0.01);
    const theirs = new BloomFilter(items, 0.01);
    assert.ok(ours.getStats().size > 2 ** 29);
    const other = nativeOf(theirs);
    const all = agents(0, 20_000);
    ours.addBatch(all);
    for (const text of all) {
      other.add(text);
      assert.ok(theirs.mightContain(text), text);
    }
    assert.equal(theirs.getStats().bitsSet, ours.getStats().bitsSet);
    assert.ok(all.every((text) => nativeOf(ours).mightContain(text)));
  });

  for (const [name, text] of Object.entries(unusual)) {
    it(`set the same bits for ${name}`, () => {
      const [ours, theirs] = [new BloomFilter(100, 0.01), new BloomFilter(100, 0.01)];
      ours.add(text);
      nativeOf(theirs).add(text);
      assert.deepEqual(bitsOf(ours), bitsOf(theirs));
    });
  }
});

it('a filter behaves as a set of which it never loses a string', () => {
  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.record({ add: codeUnits }) },
    { weight: 2, arbitrary: fc.record({ addBatch: texts }) },
    { weight: 1, arbitrary: fc.constant({ clear: true }) },
    { weight: 1, arbitrary: fc.constant({ attach: true }) },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
      let filter = new BloomFilter(200, 0.01);
      const model = new Set();
      for (const { add, addBatch, clear, attach } of operations) {
        if (add !== undefined) {
          filter.add(add);
          model.add(add);
        }
        if (addBatch !== undefined) {
          filter.addBatch(addBatch);
          for (const text of addBatch) model.add(text);
        }
        if (clear) {
          filter.clear();
          model.clear();
        }
        if (attach) filter = BloomFilter.attach(filter.buffer);
        assert.ok(!filter.mightContainBatch([...model]).includes(false));
        assert.equal(filter.getStats().bitsSet === 0, model.size === 0);
      }
    }),
    { numRuns: Math.ceil(runs / 5) },
  );
});

describe('from several threads', () => {
  it('a filter is attached to by its buffer', async (t) => {
    const filter = new BloomFilter(500, 0.001);
    filter.add('from main');
    const thread = await Thread.start(t);
    const seen = await thread.run(({ agentwire, state }, buffer) => {
      state.filter = agentwire.BloomFilter.attach(buffer);
      const { expectedItems, falsePositiveRate } = state.filter;
      const seen = [state.filter.mightContain('from main'), state.filter.mightContain('from the thread')];
      state.filter.add('from the thread');
      return [...seen, expectedItems, falsePositiveRate, state.filter.buffer === buffer];
    }, filter.buffer);
    assert.deepEqual(seen, [true, false, 500, 0.001, true]);
    assert.equal(filter.mightContain('from the thread'), true);
    filter.clear();
    assert.equal(await thread.run(({ state }) => state.filter.mightContain('from the thread')), false);
  });

  it('eight threads add at once and lose nothing', async (t) => {
    const count = 8;
    const each = 20_000;
    const filter = new BloomFilter(count * each, 0.1);
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const threads = await Promise.all(Array.from({ length: count }, () => Thread.start(t)));
    const lost = await Promise.all(
      threads.map((thread, number) =>
        thread.run(
          ({ agentwire }, buffer, gate, number, count, each) => {
            const filter = agentwire.BloomFilter.attach(buffer);
            // All begin together.
            if (Atomics.add(gate, 0, 1) === count - 1) Atomics.notify(gate, 0);
            for (let seen = Atomics.load(gate, 0); seen < count; seen = Atomics.load(gate, 0)) {
              Atomics.wait(gate, 0, seen, 1000);
            }
            let lost = 0;
            for (let index = 0; index < each; index += 1) {
              // A part of the strings is everybody's.
              const text = index % 4 === 0 ? `shared-${index}` : `thread-${number}-${index}`;
              filter.add(text);
              if (!filter.mightContain(text)) lost += 1;
            }
            return lost;
          },
          filter.buffer,
          gate,
          number,
          count,
          each,
        ),
      ),
    );
    assert.deepEqual(lost, new Array(count).fill(0));
    const alone = new BloomFilter(count * each, 0.1);
    for (let number = 0; number < count; number += 1) {
      for (let index = 0; index < each; index += 1) {
        alone.add(index % 4 === 0 ? `shared-${index}` : `thread-${number}-${index}`);
      }
    }
    assert.deepEqual(bitsOf(filter), bitsOf(alone), 'the same bits as if one thread had added all');
  });
});

it('two threads that set bits of the same few words at the same moment lose none', async (t) => {
  // The smallest filter, which has 16 words, filled by both at once, over and over.
  const filter = new BloomFilter(30, 0.01);
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const threads = await Promise.all([Thread.start(t), Thread.start(t)]);
  const lost = await Promise.all(
    threads.map((thread, number) =>
      thread.run(
        ({ agentwire }, buffer, gate, number) => {
          const filter = agentwire.BloomFilter.attach(buffer);
          const texts = [0, 1].map((thread) => Array.from({ length: 15 }, (_, index) => `${thread} ${index}`));
          let meetings = 0;
          const meet = () => {
            meetings += 2;
            Atomics.add(gate, 0, 1);
            // Awake at first, so that both go on at the same moment; then asleep, for a machine of one core.
            for (let looks = 0; Atomics.load(gate, 0) < meetings; looks += 1) {
              if (looks > 2000) Atomics.wait(gate, 1, 0, 1);
            }
          };
          let lost = 0;
          for (let round = 0; round < 1500; round += 1) {
            meet();
            filter.addBatch(texts[number]);
            meet();
            for (const text of texts[number]) if (!filter.mightContain(text)) lost += 1;
            meet();
            if (number === 0) filter.clear();
          }
          return lost;
        },
        filter.buffer,
        gate,
        number,
      ),
    ),
  );
  assert.deepEqual(lost, [0, 0]);
});

describe('a filter that is written over', () => {
  const fill = (filter, byte, from = 0) => new Uint8Array(filter.buffer).fill(byte, from);

  it('gives wrong answers and does no harm, whatever its header says', () => {
    for (const byte of [0x00, 0xff, 0x55]) {
      const filter = new BloomFilter(1000, 0.01);
      const { size, hashCount } = filter.getStats();
      filter.addBatch(agents(0, 100));
      fill(filter, byte);
      assert.equal(filter.mightContain('agent-1'), byte === 0xff);
      filter.addBatch(agents(0, 1000));
      assert.ok(!filter.mightContainBatch(agents(0, 1000)).includes(false));
      const stats = filter.getStats();
      assert.deepEqual({ size: stats.size, hashCount: stats.hashCount }, { size, hashCount });
      assert.ok(stats.utilization > 0 && stats.utilization <= 1);
      filter.clear();
      assert.equal(filter.getStats().bitsSet, 0);
      assert.throws(() => BloomFilter.attach(filter.buffer), failure('ERR_AGENTWIRE_FOREIGN_MEMORY'));
    }
  });

  it('goes on while another thread writes over it', async (t) => {
    const filter = new BloomFilter(1000, 0.01);
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const thread = await Thread.start(t);
    const done = thread.run(
      (_tools, buffer, gate) => {
        const words = new Uint32Array(buffer);
        let rounds = 0;
        let state = 1;
        while (Atomics.load(gate, 0) === 0) {
          for (let index = 0; index < words.length; index += 1) {
            state ^= state << 13;
            state ^= state >>> 17;
            state ^= state << 5;
            words[index] = state;
          }
          rounds += 1;
          Atomics.store(gate, 1, rounds);
        }
        return rounds;
      },
      filter.buffer,
      gate,
    );
    const { size } = filter.getStats();
    // Until the other thread has been through the memory often enough.
    while (Atomics.load(gate, 1) < 200) {
      filter.addBatch(agents(0, 50));
      assert.equal(filter.mightContainBatch(agents(0, 50)).length, 50);
      assert.ok(filter.getStats().bitsSet <= size);
      filter.clear();
    }
    Atomics.store(gate, 0, 1);
    assert.ok((await done) >= 200);
  });
});

describe('attach', () => {
  const filter = new BloomFilter(1000, 0.01);
  const { byteLength } = filter.buffer;
  /** Shared memory with the bytes of a filter, changed: a word at an offset. */
  const forged = (at, word, length = byteLength) => {
    const memory = new SharedArrayBuffer(length);
    new Uint8Array(memory).set(new Uint8Array(filter.buffer).slice(0, length));
    if (at !== undefined) new DataView(memory).setUint32(at, word, true);
    return memory;
  };
  const foreign = (...said) => failure('ERR_AGENTWIRE_FOREIGN_MEMORY', 'BloomFilter.attach', ...said);
  const cases = {
    'an ArrayBuffer': [new ArrayBuffer(4096), wrong('SharedArrayBuffer', 'ArrayBuffer) was given')],
    'a Uint8Array': [new Uint8Array(filter.buffer), wrong('SharedArrayBuffer', 'Uint8Array) was given')],
    'the filter itself': [filter, wrong('.buffer', 'BloomFilter) was given')],
    nothing: [undefined, wrong('undefined was given')],
    'a SharedArrayBuffer of no bytes': [new SharedArrayBuffer(0), foreign('no bytes')],
    'a SharedArrayBuffer of a few bytes': [new SharedArrayBuffer(3), foreign('does not hold a Bloom filter')],
    'a SharedArrayBuffer of zeros': [new SharedArrayBuffer(65_536), foreign('does not hold a Bloom filter')],
    'a header alone': [forged(undefined, 0, headerBytes), foreign(`takes ${byteLength} bytes`, `has ${headerBytes}`)],
    'a filter that was cut': [forged(undefined, 0, byteLength - 8), foreign('takes', 'and the memory has')],
    'a filter with more behind it': [forged(undefined, 0, byteLength + 1), foreign('takes', 'and the memory has')],
    'a filter of a newer version': [forged(4, 2), foreign('version 2', 'same version')],
    'other bits': [forged(8, 1024), foreign('takes')],
    'no bits': [forged(8, 0), foreign('was changed')],
    'bits that are no multiple': [forged(8, 1025), foreign('was changed')],
    'no hashes': [forged(12, 0), foreign('was changed')],
    'too many hashes': [forged(12, 33), foreign('was changed')],
    'no items': [forged(16, 0), foreign('was changed')],
    'an impossible rate': [forged(28, 0x7ff8_0000), foreign('was changed')],
    'a growable SharedArrayBuffer': [
      new SharedArrayBuffer(4096, { maxByteLength: 8192 }),
      wrong('fixed length', 'growable'),
    ],
  };
  for (const [name, [memory, expected]] of Object.entries(cases)) {
    it(`refuses ${name}`, () => assert.throws(() => BloomFilter.attach(memory), expected));
  }

  it('takes a copy of a filter for a filter of its own', () => {
    const copy = BloomFilter.attach(forged());
    copy.add('only here');
    assert.deepEqual([copy.mightContain('only here'), filter.mightContain('only here')], [true, false]);
  });
});

describe('bad input', () => {
  for (const items of [
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 31,
    2 ** 32 + 5,
    '10',
    null,
    [],
    {},
    10n,
  ]) {
    const given = typeof items === 'object' || typeof items === 'string' ? 'was given' : `${items} was given`;
    it(`no filter expects ${typeof items} ${String(items)} items`, () => {
      assert.throws(() => new BloomFilter(items), wrong('expectedItems', 'an integer from 1 to', '128 MiB', given));
    });
  }

  it('the bound on the items depends on the rate, and holds', () => {
    assert.throws(() => new BloomFilter(2 ** 28, 0.01), wrong('expectedItems', '0.01', '268435456 was given'));
    const large = new BloomFilter(2 ** 26, 0.1);
    assert.ok(large.buffer.byteLength < 2 ** 27);
    large.add('one');
    assert.deepEqual([large.mightContain('one'), large.mightContain('two')], [true, false]);
  });

  for (const rate of [0, -0.1, 1, 1.5, 1e-10, Number.NaN, Number.POSITIVE_INFINITY, '0.01', null, {}, 1n]) {
    it(`no filter has the rate ${typeof rate} ${String(rate)}`, () => {
      assert.throws(() => new BloomFilter(100, rate), wrong('falsePositiveRate', 'a number from 1e-9', 'was given'));
    });
  }

  const notText = [5, undefined, null, true, {}, ['a'], Symbol('s'), new String('object'), 5n, Buffer.from('a')];
  for (const value of notText) {
    it(`${typeof value} ${String(value)} is no string`, () => {
      const filter = new BloomFilter(100);
      for (const call of [() => filter.add(value), () => filter.mightContain(value)]) {
        assert.throws(call, wrong('text must be a string', 'was given'));
      }
      for (const call of [() => filter.addBatch(['a', value]), () => filter.mightContainBatch(['a', value])]) {
        assert.throws(call, wrong('texts[1] must be a string', 'was given'));
      }
      assert.equal(filter.getStats().bitsSet, 0, 'nothing was added');
    });
  }

  it('a batch is an array', () => {
    const filter = new BloomFilter(100);
    for (const value of ['text', undefined, null, 5, new Set(['a']), { length: 1, 0: 'a' }]) {
      assert.throws(() => filter.addBatch(value), wrong('texts must be an array of strings'));
      assert.throws(() => filter.mightContainBatch(value), wrong('texts must be an array of strings'));
    }
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested.
    assert.throws(() => filter.addBatch(['a', , 'b']), wrong('texts[1]', 'undefined was given'));
    assert.equal(filter.getStats().bitsSet, 0);
  });
});
