'use strict';

// Filters on encoded bytes against the plain model, for payloads and filters that nobody thought of.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const fc = require('fast-check');
const { wants, withoutKeys } = require('./fixtures/filter-model.js');
const { openBus } = require('./listeners.js');

/** Few values, so that they meet; and those at the edges of their kinds. */
const word = fc.constantFrom(
  '',
  'a',
  'A',
  'ab',
  'aB',
  'b',
  'é',
  'É',
  'ß',
  'ς',
  'Σ',
  '日本',
  '本',
  '😀',
  '\ud800',
  'type',
  '1',
);
const instant = fc.constantFrom(0, 1, 1.5e12).map((ms) => new Date(ms));
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, 1.5, -1, 2 ** 53, 2 ** 63, 2 ** 64, -(2 ** 63), 1.5e12, 1e300, Infinity, -Infinity),
  fc.double({ noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
);
const bigint = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    -1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n,
    2n ** 64n,
    2n ** 64n + 1n,
    -(2n ** 63n),
    10n ** 300n,
  ),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
);
const scalar = fc.oneof({ weight: 3, arbitrary: word }, number, bigint, fc.boolean(), fc.constant(null), instant);
const key = fc.constantFrom('a', 'b', 'A', '0', '1', 'type', '日', 'x y');

const { payload } = fc.letrec((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.constantFrom(undefined, Number.NaN, new Date(Number.NaN), new Uint8Array([1, 2])),
    fc.array(tie('part'), { maxLength: 4 }),
    fc.sparseArray(tie('part'), { maxLength: 4 }),
    fc.dictionary(key, tie('part'), { maxKeys: 5, noNullPrototype: true }),
    fc.array(fc.tuple(fc.oneof(key, scalar), tie('part')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('part'), { maxLength: 4 }).map((values) => new Set(values)),
  ),
  payload: fc.oneof(tie('part'), fc.dictionary(key, tie('part'), { minKeys: 1, maxKeys: 8, noNullPrototype: true })),
}));

const field = fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => ({
  keys,
  field: keys.map((name) => `[${JSON.stringify(name)}]`).join(''),
}));
const ordered = fc.oneof(word, number, bigint, instant);
const isCaseSensitive = fc.option(fc.boolean(), { nil: undefined });
/** Where both languages' expressions mean the same. */
const expression = fc.constantFrom('a', '^a', 'b$', '^$', '[ab]+', 'a|é', '^.{2}$', '(?:日)?本', 'type|\\d', '^[^a]*$');

const test = fc.oneof(
  fc.record({ operator: fc.constantFrom('eq', 'ne', 'contains'), value: scalar, caseSensitive: isCaseSensitive }),
  fc.record({ operator: fc.constantFrom('gt', 'lt', 'gte', 'lte'), value: ordered }),
  fc.record({ operator: fc.constant('matches'), value: expression, caseSensitive: isCaseSensitive }),
  fc.record({
    operator: fc.constant('in'),
    value: fc.oneof(
      fc.array(scalar, { maxLength: 5 }),
      fc.array(scalar, { maxLength: 5 }).map((values) => new Set(values)),
    ),
    caseSensitive: isCaseSensitive,
  }),
  fc.record({ operator: fc.constant('exists'), value: isCaseSensitive }),
);
const condition = fc.tuple(field, test).map(([field, test]) => ({ ...field, ...test }));
const { filter } = fc.letrec((tie) => ({
  filter: fc.record({
    operator: fc.constantFrom('AND', 'OR'),
    conditions: fc.array(fc.oneof({ maxDepth: 2 }, condition, tie('filter')), { minLength: 1, maxLength: 4 }),
  }),
}));

it('agree with the model', (t) => {
  const bus = openBus(t);
  fc.assert(
    fc.property(
      fc.array(filter, { minLength: 1, maxLength: 3 }),
      fc.array(payload, { maxLength: 8 }),
      (filters, payloads) => {
        const subscriptions = filters.map((filter) => bus.subscribe('t', () => {}, { filter: withoutKeys(filter) }));
        const expected = filters.map(() => 0);
        for (const payload of payloads) {
          assert.ok(bus.publish('t', payload));
          for (const [index, filter] of filters.entries()) if (wants(payload, filter)) expected[index] += 1;
        }
        bus.flush();
        const stats = subscriptions.map((subscription) => subscription.stats);
        for (const subscription of subscriptions) subscription.unsubscribe();
        assert.deepEqual(
          stats.map(({ admitted, filtered }) => ({ admitted, filtered })),
          expected.map((admitted) => ({ admitted, filtered: payloads.length - admitted })),
        );
      },
    ),
    { numRuns: 1500 },
  );
});

it('agree with the model on one payload at a time', (t) => {
  const bus = openBus(t);
  const share = { wanted: 0, all: 0 };
  fc.assert(
    fc.property(condition, payload, (condition, payload) => {
      const filter = { operator: 'AND', conditions: [condition] };
      const subscription = bus.subscribe('t', () => {}, { filter: withoutKeys(filter) });
      bus.publish('t', payload);
      bus.flush();
      const { admitted } = subscription.stats;
      subscription.unsubscribe();
      share.wanted += admitted;
      share.all += 1;
      assert.equal(admitted, wants(payload, filter) ? 1 : 0);
    }),
    { numRuns: 3000 },
  );
  // A generator whose filters want all or nothing would prove nothing.
  assert.ok(share.wanted > share.all / 20 && share.wanted < (share.all * 19) / 20, JSON.stringify(share));
});
