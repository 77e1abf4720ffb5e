'use strict';

// What cannot be a filter is refused at subscribe, by name and place.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireFilterError } = require('agentwire');
const { openBus } = require('./listeners.js');

const ofCondition = (condition) => ({ operator: 'AND', conditions: [condition] });
const ofValue = (operator, value, more = {}) => ofCondition({ field: 'a', operator, value, ...more });
const good = { field: 'a', operator: 'eq', value: 1 };

const nested = (depth) => {
  let filter = ofCondition(good);
  for (let i = 1; i < depth; i += 1) filter = ofCondition(filter);
  return filter;
};
const itself = { operator: 'AND', conditions: [good] };
itself.conditions.push(itself);

const cases = [
  ['no object', 'a', /filter must be an object; "a" was given/],
  ['null', null, /filter must be an object; null was given/],
  ['an array', [good], /filter must be an object; an array was given/],
  ['no conditions', { operator: 'AND' }, /filter\.conditions must be an array of conditions; undefined was given/],
  ['empty conditions', { operator: 'AND', conditions: [] }, /filter\.conditions must have a condition or more/],
  ['no operator', { conditions: [good] }, /filter\.operator must be "AND" or "OR"; undefined was given/],
  [
    'an operator unknown',
    { operator: 'XOR', conditions: [good] },
    /filter\.operator must be "AND" or "OR"; "XOR" was given/,
  ],
  ['an operator in lower case', { operator: 'and', conditions: [good] }, /filter\.operator must be "AND" or "OR"/],
  ['a property unknown', { operator: 'OR', conditions: [good], not: true }, /filter has the unknown property "not"/],
  [
    'a condition that is none',
    { operator: 'OR', conditions: [good, 5] },
    /filter\.conditions\[1\] must be an object; 5 was given/,
  ],
  [
    'a hole',
    { operator: 'OR', conditions: Array(2) },
    /filter\.conditions\[0\] must be an object; undefined was given/,
  ],
  [
    'a condition with a typo',
    ofCondition({ ...good, casesensitive: false }),
    /conditions\[0\] has the unknown property "casesensitive"/,
  ],
  [
    'no field',
    ofCondition({ operator: 'eq', value: 1 }),
    /conditions\[0\]\.field must be a field path.*undefined was given/,
  ],
  [
    'a field that is no path',
    ofCondition({ ...good, field: 'a..b' }),
    /filter\.conditions\[0\]\.field is no field path: at character 2/,
  ],
  ['an empty field', ofCondition({ ...good, field: '' }), /conditions\[0\]\.field is no field path/],
  [
    'an operator of conditions unknown',
    ofCondition({ ...good, operator: 'like' }),
    /conditions\[0\]\.operator must be one of eq, ne.*"like" was given/,
  ],
  [
    'an operator that is no string',
    ofCondition({ ...good, operator: 1 }),
    /conditions\[0\]\.operator must be one of eq/,
  ],
  [
    'caseSensitive',
    ofCondition({ ...good, caseSensitive: 'no' }),
    /conditions\[0\]\.caseSensitive must be a boolean; "no" was given/,
  ],
  [
    'caseSensitive for an order',
    ofValue('gt', 'a', { caseSensitive: false }),
    /conditions\[0\]\.caseSensitive must be left out/,
  ],
  [
    'no value',
    ofCondition({ field: 'a', operator: 'eq' }),
    /conditions\[0\]\.value must be a string.*nothing was given/,
  ],
  ['an object to equal', ofValue('eq', {}), /conditions\[0\]\.value must be a string.*an object was given/],
  ['an array to differ from', ofValue('ne', []), /conditions\[0\]\.value must be a string.*an array was given/],
  ['NaN', ofValue('eq', Number.NaN), /conditions\[0\]\.value must be .*NaN was given/],
  [
    'an invalid date',
    ofValue('lt', new Date(Number.NaN)),
    /conditions\[0\]\.value must be .*an invalid Date was given/,
  ],
  ['a boolean to be above', ofValue('gt', true), /conditions\[0\]\.value must be .*a boolean was given/],
  ['null to be below', ofValue('lte', null), /conditions\[0\]\.value must be .*null was given/],
  ['a function', ofValue('eq', () => {}), /conditions\[0\]\.value must be .*a function was given/],
  ['a symbol', ofValue('eq', Symbol('s')), /conditions\[0\]\.value must be .*a symbol was given/],
  ['a regular expression to equal', ofValue('eq', /a/), /conditions\[0\]\.value must be .*\(RegExp\) was given/],
  ['an object to contain', ofValue('contains', {}), /conditions\[0\]\.value must be /],
  [
    'one value to be in',
    ofValue('in', 'a'),
    /conditions\[0\]\.value must be an array or a Set of values; "a" was given/,
  ],
  ['an object to be in', ofValue('in', ['a', {}]), /conditions\[0\]\.value\[1\] must be .*an object was given/],
  [
    'too many values to be in',
    ofValue('in', Array(1025).fill(1)),
    /conditions\[0\]\.value has 1025 values; the most are 1024/,
  ],
  ['a class instance', ofValue('eq', new (class Task {})()), /conditions\[0\]\.value|cannot be read/],
  ['exists with a number', ofValue('exists', 1), /conditions\[0\]\.value must be true or false; a number was given/],
  [
    'an expression that is none',
    ofValue('matches', 5),
    /conditions\[0\]\.value must be a regular expression; a number was given/,
  ],
  [
    'look-ahead',
    ofValue('matches', 'a(?=b)'),
    /conditions\[0\]\.value is no expression that runs in linear time.*look-around/s,
  ],
  [
    'look-behind',
    ofValue('matches', /(?<!a)b/),
    /conditions\[0\]\.value is no expression that runs in linear time.*look-around/s,
  ],
  ['a back-reference', ofValue('matches', '(a)\\1'), /conditions\[0\]\.value is no expression.*backreferences/s],
  ['brackets left open', ofValue('matches', '(a'), /conditions\[0\]\.value is no expression.*unclosed group/s],
  [
    'an expression too large',
    ofValue('matches', '(?:a{1000}){1000}'),
    /conditions\[0\]\.value is an expression that takes more than \d+ bytes/,
  ],
  ['an expression too long', ofValue('matches', 'a'.repeat(4097)), /conditions\[0\]\.value has 4097 bytes/],
  [
    'a flag',
    ofValue('matches', /a/y),
    /conditions\[0\]\.value must be an expression with no flags but i, m, s, u, g and d; y was given/,
  ],
  ['groups too deep', nested(9), /(\.conditions\[0\]){8} is the 9th group within another; the most are 8/],
  ['groups much too deep', nested(5000), /is within too many others/],
  ['a filter within itself', itself, /is within too many others, or within itself/],
  [
    'too many conditions',
    { operator: 'OR', conditions: Array(257).fill(good) },
    /filter\.conditions\[256\] is one condition too many; the most of a filter are 256/,
  ],
  [
    'far too many conditions',
    { operator: 'OR', conditions: Array(5000).fill(good) },
    /filter\.conditions must be an array of at most 1024/,
  ],
  [
    'the place within a group',
    { operator: 'OR', conditions: [good, ofCondition({ ...good, operator: 'no' })] },
    /filter\.conditions\[1\]\.conditions\[0\]\.operator must be/,
  ],
  [
    'a getter that throws',
    {
      operator: 'AND',
      get conditions() {
        throw new RangeError('not today');
      },
    },
    /the filter cannot be read/,
  ],
];

describe('refused at subscribe', () => {
  for (const [name, filter, message] of cases) {
    it(name, (t) => {
      const bus = openBus(t);
      assert.throws(
        () => bus.subscribe('t', () => {}, { filter }),
        (error) => {
          assert.ok(error instanceof AgentwireFilterError, `${error}`);
          assert.equal(error.code, 'ERR_AGENTWIRE_FILTER');
          assert.match(error.message, message);
          return true;
        },
      );
      assert.equal(bus.getMetrics().subscriptions, 0);
    });
  }
});

it('the largest that there may be are taken', (t) => {
  const bus = openBus(t);
  const filters = [
    nested(8),
    { operator: 'OR', conditions: Array(256).fill(good) },
    ofValue('in', Array(1024).fill(1)),
    ofValue('matches', 'a'.repeat(4096)),
  ];
  for (const filter of filters) bus.subscribe('t', () => {}, { filter });
  assert.equal(bus.getMetrics().subscriptions, filters.length);
});

it('a filter that is undefined is none', (t) => {
  const bus = openBus(t);
  const subscription = bus.subscribe('t', () => {}, { filter: undefined });
  bus.publish('t', 1);
  bus.flush();
  assert.equal(subscription.stats.admitted, 1);
});
