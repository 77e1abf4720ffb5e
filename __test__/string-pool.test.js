'use strict';

// OptimizedStringPool: a string has one id, an id one string, in every thread that shares the pool.
// AGENTWIRE_FUZZ_RUNS=N runs N cases of the property.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireArgumentError, AgentwireError, AgentwireRangeError, OptimizedStringPool } = require('agentwire');
const { Thread, uniqueName } = require('./helpers.js');

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 500;
const mostStrings = 1_048_576;

/** What has the first ids. Written down here once more: these ids are part of what is stored. */
const common = `
  id type agent task result status payload timestamp priority data error message name value key source target from
  to topic event action command request response correlationId metadata headers version sequence duration progress
  state pending running completed failed cancelled timeout retry success code reason details config options context
  session memory cpu load metrics heartbeat coordination agentId taskId taskType critical high normal low input
  output count agents tasks results messages events items values children parent parentId sessionId userId traceId
  spanId requestId messageId createdAt updatedAt startedAt completedAt expiresAt deadline description title content
  text role model prompt tokens tool tools toolCalls arguments function parameters properties required enabled
  index total size length limit offset score weight level tags labels path url method body params query attempts
  maxAttempts retries dependencies capabilities resources usage stack task.assignment task.result agent.heartbeat
  agent.status task.created task.started task.progress task.completed task.failed task.cancelled agent.started
  agent.stopped object string number boolean array integer null true false undefined user assistant system
  developer function_call tool_use tool_result image file json application/json text/plain utf-8 base64 GET POST
  PUT DELETE http https ok warning info debug fatal unknown active inactive idle busy ready waiting blocked paused
  stopped starting stopping healthy unhealthy degraded online offline open closed done queued assigned accepted
  rejected approved coordinator worker planner researcher coder reviewer tester analyst architect optimizer monitor
  leader follower broadcast subscribe unsubscribe publish channel queue stream chunk start end startTime endTime
  time date category kind scope group groupId owner ownerId host port environment region throughput latency
  cpuUsage memoryUsage activeTasks completedTasks failedTasks queueDepth uptime workflow workflowId step steps
  phase plan goal goals strategy
`
  .trim()
  .split(/\s+/);

const codeUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
  .map((units) => String.fromCharCode(...units));

const failure =
  (expected, code, ...said) =>
  (error) => {
    assert.deepEqual([error.constructor, error.code], [expected, code], error.stack);
    for (const text of said) assert.ok(error.message.includes(text), `${text} is in: ${error.message}`);
    return true;
  };
const wrong = (...said) => failure(AgentwireArgumentError, 'ERR_AGENTWIRE_ARGUMENT', ...said);

const kinds = {
  'a pool of its own': () => new OptimizedStringPool(),
  'a shared pool': () => OptimizedStringPool.shared(uniqueName('strings')),
};

for (const [kind, make] of Object.entries(kinds)) {
  describe(kind, () => {
    it('gives back what was interned', () => {
      const pool = make();
      for (const text of [
        'task',
        'result',
        'a new one',
        '',
        '\0',
        '日本語',
        '😀',
        '\ud83d',
        '\ude00\ud83d',
        'x'.repeat(65_536),
      ]) {
        const id = pool.intern(text);
        assert.equal(pool.getString(id), text);
        assert.equal(pool.intern(text), id);
        assert.equal(pool.has(text), true);
      }
    });

    it('has the common strings under the first ids', () => {
      const pool = make();
      assert.ok(common.length >= 50);
      assert.equal(pool.getStats().totalStrings, common.length);
      for (const [index, text] of common.entries()) {
        assert.equal(pool.getString(index + 1), text);
        assert.equal(pool.has(text), true);
        assert.equal(pool.intern(text), index + 1);
      }
      assert.equal(pool.intern('the first of its own'), common.length + 1);
      assert.equal(pool.getStats().totalStrings, common.length + 1);
    });

    it('gives dense ids in the order of the first calls', () => {
      const pool = make();
      const texts = Array.from({ length: 5000 }, (_, index) => `string ${index}`);
      const ids = texts.map((text) => pool.intern(text));
      assert.deepEqual(
        ids,
        texts.map((_, index) => common.length + 1 + index),
      );
      assert.deepEqual(
        ids.map((id) => pool.getString(id)),
        texts,
      );
    });

    it('knows no id that it never gave', () => {
      const pool = make();
      for (const id of [
        0,
        -1,
        common.length + 1,
        mostStrings,
        mostStrings + 1,
        2 ** 31,
        2 ** 32 + 1,
        -(2 ** 32) + 1,
        2 ** 53,
        1e300,
      ]) {
        assert.equal(pool.getString(id), undefined, `${id}`);
      }
      assert.equal(pool.has('never seen'), false);
      assert.equal(pool.has('never seen'.repeat(100_000)), false);
      assert.equal(pool.getStats().totalStrings, common.length, 'asking gives no ids');
    });

    it('counts', () => {
      const pool = make();
      const before = pool.getStats();
      const sum = common.join('').length;
      assert.equal(before.averageLength, sum / common.length);
      pool.intern('日本');
      const after = pool.getStats();
      assert.equal(after.averageLength, (sum + 2) / (common.length + 1));
      assert.equal(after.knownStrings, common.length + 1);
      assert.ok(after.totalBytes > before.totalBytes);
      const { size, hashCount, bitsSet, utilization } = after.bloomStats;
      assert.ok(size > 0 && hashCount > 0 && bitsSet > before.bloomStats.bitsSet && utilization === bitsSet / size);
    });

    it('refuses bad input, and nothing has changed', () => {
      const pool = make();
      for (const value of [5, undefined, null, {}, ['id'], Symbol('s'), new String('id'), Buffer.from('id')]) {
        assert.throws(() => pool.intern(value), wrong('text must be a string', 'was given'));
        assert.throws(() => pool.has(value), wrong('text must be a string', 'was given'));
      }
      for (const value of [
        '1',
        undefined,
        null,
        {},
        [1],
        1.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        true,
        1n,
        Symbol('s'),
      ]) {
        assert.throws(() => pool.getString(value), wrong('id must be', 'was given'));
      }
      const long = 'y'.repeat(65_537);
      assert.throws(() => pool.intern(long), failure(AgentwireRangeError, 'ERR_AGENTWIRE_TOO_LONG', '65537', '"yyy'));
      assert.equal(pool.getStats().totalStrings, common.length);
    });

    it('behaves as a list of distinct strings', () => {
      fc.assert(
        fc.property(fc.array(fc.oneof(codeUnits, fc.constantFrom(...common)), { maxLength: 40 }), (texts) => {
          const pool = make();
          const model = [...common];
          for (const text of texts) {
            assert.equal(pool.has(text), model.includes(text));
            if (!model.includes(text)) model.push(text);
            assert.equal(pool.intern(text), model.indexOf(text) + 1);
          }
          for (const [index, text] of model.entries()) assert.equal(pool.getString(index + 1), text);
          assert.equal(pool.getString(model.length + 1), undefined);
        }),
        { numRuns: runs },
      );
    });
  });
}

describe('pools', () => {
  it('of their own are apart', () => {
    const [first, second] = [new OptimizedStringPool(), new OptimizedStringPool()];
    first.intern('only here');
    assert.equal(second.has('only here'), false);
    assert.equal(second.intern('another'), common.length + 1);
  });

  it('of one name are one, of two names two', () => {
    const name = uniqueName('strings');
    const [first, second] = [OptimizedStringPool.shared(name), OptimizedStringPool.shared(name)];
    const id = first.intern('shared');
    assert.equal(second.has('shared'), true);
    assert.equal(second.getString(id), 'shared');
    assert.equal(second.intern('shared'), id);
    assert.equal(OptimizedStringPool.shared(uniqueName('strings')).has('shared'), false);
  });

  it('want a name that is one', () => {
    for (const name of ['', 'n'.repeat(257), 5, undefined, null, {}]) {
      assert.throws(() => OptimizedStringPool.shared(name), wrong('name must be a string of 1 to 256 characters'));
    }
    assert.equal(new OptimizedStringPool('not a name').intern('new'), common.length + 1, 'a pool of its own has none');
  });

  it('say so when they are full, and keep what they have', () => {
    const pool = new OptimizedStringPool();
    // Of the two bounds, that on bytes is met with fewer strings.
    const text = (index) => `${index} `.padEnd(65_536, '.');
    let last = 0;
    const full = failure(AgentwireError, 'ERR_AGENTWIRE_POOL_FULL', '1,048,576', '128 MiB', 'as they are');
    assert.throws(() => {
      for (let index = 0; index < 3000; index += 1) last = pool.intern(text(index));
    }, full);
    assert.ok(last > 2000, `${last}`);
    assert.equal(pool.getStats().totalStrings, last);
    assert.throws(() => pool.intern(text(5000)), full);
    assert.equal(pool.has(text(5000)), false);
    assert.equal(pool.intern(text(0)), common.length + 1);
    assert.equal(pool.getString(last), text(last - common.length - 1));
    assert.equal(pool.intern('there is room for a short one'), last + 1);
  });
});

it('eight threads that intern overlapping strings agree on every id', async (t) => {
  const count = 8;
  const texts = 20_000;
  const name = uniqueName('strings');
  const pool = OptimizedStringPool.shared(name);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const threads = await Promise.all(Array.from({ length: count }, () => Thread.start(t)));
  const answers = await Promise.all(
    threads.map((thread, number) =>
      thread.run(
        ({ agentwire, state }, name, gate, number, count, texts) => {
          state.pool = agentwire.OptimizedStringPool.shared(name);
          // All begin together.
          if (Atomics.add(gate, 0, 1) === count - 1) Atomics.notify(gate, 0);
          for (let seen = Atomics.load(gate, 0); seen < count; seen = Atomics.load(gate, 0)) {
            Atomics.wait(gate, 0, seen, 1000);
          }
          const ids = new Uint32Array(texts);
          let wrong = 0;
          for (let step = 0; step < texts; step += 1) {
            // Half of the threads go through the strings together, the others from elsewhere.
            const index = (step + (number % 2) * number * 2500) % texts;
            const text = `text-${index}`;
            const id = state.pool.intern(text);
            ids[index] = id;
            if (state.pool.getString(id) !== text || !state.pool.has(text) || state.pool.intern(text) !== id)
              wrong += 1;
          }
          return { ids, wrong };
        },
        name,
        gate,
        number,
        count,
        texts,
      ),
    ),
  );
  for (const { ids, wrong } of answers) {
    assert.equal(wrong, 0);
    assert.deepEqual(ids, answers[0].ids);
  }
  const { ids } = answers[0];
  assert.deepEqual(
    Array.from(ids).sort((left, right) => left - right),
    Array.from({ length: texts }, (_, index) => common.length + 1 + index),
    'dense, and none given twice',
  );
  for (let index = 0; index < texts; index += 1) assert.equal(pool.getString(ids[index]), `text-${index}`);
  assert.equal(pool.getStats().totalStrings, common.length + texts);
  // A thread that comes late finds the same.
  const late = await Thread.start(t);
  const id = await late.run(
    ({ agentwire }, name) => agentwire.OptimizedStringPool.shared(name).intern('text-777'),
    name,
  );
  assert.equal(id, ids[777]);
});
