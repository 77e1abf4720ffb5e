'use strict';

// Every wrong argument is a typed error with a code and a message that says what was given and what was expected.

const assert = require('node:assert/strict');
const { after, describe, it } = require('node:test');
const { AgentwireArgumentError, AgentwireError, EventBus } = require('agentwire');
const { uniqueName } = require('./helpers.js');

const bus = new EventBus({ name: uniqueName('arguments') });
after(() => bus.close());

const handler = () => {};
const notStrings = [undefined, null, 5, 5n, true, {}, [], Symbol('s'), () => {}];
const notObjects = [null, 5, 'text', true, 5n, Symbol('s')];

/** Shows a value in the title of a failure. */
const show = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

function assertArgumentError(action, argument, given) {
  assert.throws(
    action,
    (error) => {
      assert.ok(error instanceof AgentwireArgumentError && error instanceof AgentwireError && error instanceof Error);
      assert.equal(error.code, 'ERR_AGENTWIRE_ARGUMENT');
      assert.equal(error.name, 'AgentwireArgumentError');
      assert.match(error.message, new RegExp(`^${argument} must be .+; .+ was given$`));
      return true;
    },
    `${argument}: ${show(given)}`,
  );
}

function assertUnknownOption(action, option) {
  assert.throws(action, (error) => {
    assert.ok(error instanceof AgentwireError);
    assert.equal(error.code, 'ERR_AGENTWIRE_UNKNOWN_OPTION');
    assert.match(error.message, new RegExp(`"${option}".*it knows`));
    return true;
  });
}

const tooLong = 'x'.repeat(257);
const wrongNames = [
  ['', 'empty segment'],
  ['.', 'empty segment'],
  ['a.', 'empty segment'],
  ['.a', 'empty segment'],
  ['a..b', 'empty segment'],
  [tooLong, '256 bytes'],
  [`${'é'.repeat(128)}x`, '256 bytes'],
  [Array(33).fill('x').join('.'), '32 segments'],
  ['a*', 'wildcard'],
  ['a.b*c', 'wildcard'],
  ['***', 'wildcard'],
  ['a.**b', 'wildcard'],
];

describe('new EventBus', () => {
  it('refuses options that are no object', () => {
    for (const given of notObjects) assertArgumentError(() => new EventBus(given), 'options', given);
  });

  it('refuses what is no name', () => {
    for (const given of [...notStrings, '', tooLong].filter((value) => value !== undefined)) {
      assertArgumentError(() => new EventBus({ name: given }), 'name', given);
    }
  });

  it('takes names of any characters', () => {
    for (const name of ['a', 'x'.repeat(256), 'ünï.☂.😀', 'with space', 'nul\0inside', '*', '__proto__']) {
      const one = new EventBus({ name });
      assert.equal(one.name, name);
      one.close();
    }
  });

  it('refuses an onError that is no function', () => {
    for (const given of [null, 5, 'text', {}])
      assertArgumentError(() => new EventBus({ onError: given }), 'onError', given);
  });

  it('refuses options that it does not know', () => {
    assertUnknownOption(() => new EventBus({ nmae: 'x' }), 'nmae');
    assertUnknownOption(() => new EventBus({ queueLimit: 5 }), 'queueLimit');
    new EventBus({ name: uniqueName(), onError: undefined, other: undefined }).close();
  });

  it('cannot be called without new', () => {
    assert.throws(() => EventBus({}), TypeError);
  });
});

describe('publish', () => {
  it('refuses a topic that is no string', () => {
    for (const given of notStrings) assertArgumentError(() => bus.publish(given, 1), 'topic', given);
  });

  it('refuses a string that is no topic', () => {
    for (const [given, reason] of [...wrongNames, ['a.*', 'wildcard'], ['**', 'wildcard'], ['*', 'wildcard']]) {
      assert.throws(() => bus.publish(given, 1), { code: 'ERR_AGENTWIRE_TOPIC', message: new RegExp(reason) }, given);
    }
  });

  it('takes the longest topics', () => {
    bus.publish('x'.repeat(256), 1);
    bus.publish(Array(32).fill('x').join('.'), 1);
    bus.publish('é'.repeat(128), 1);
  });

  it('refuses options that are no object', () => {
    for (const given of notObjects) assertArgumentError(() => bus.publish('a', 1, given), 'options', given);
  });

  it('refuses options that it does not know', () => {
    assertUnknownOption(() => bus.publish('a', 1, { prority: 1 }), 'prority');
  });

  it('refuses a priority that is none', () => {
    for (const given of [null, -1, 4, 0.5, Number.NaN, '1', 1n, Symbol('s')]) {
      assertArgumentError(() => bus.publish('a', 1, { priority: given }), 'priority', given);
    }
  });

  it('refuses headers that are no object', () => {
    for (const given of [null, 5, 'text', [], true]) {
      assertArgumentError(() => bus.publish('a', 1, { headers: given }), 'headers', given);
    }
  });

  it('refuses headers that cannot be sent', () => {
    const headers = { a: { b: () => {} } };
    assert.throws(() => bus.publish('a', 1, { headers }), { code: 'ERR_AGENTWIRE_UNSUPPORTED', path: '$.a.b' });
  });

  it('refuses a correlation id that is none', () => {
    for (const given of [null, 5, '5', -1n, 2n ** 64n, {}]) {
      assertArgumentError(() => bus.publish('a', 1, { correlationId: given }), 'correlationId', given);
    }
  });
});

describe('subscribe', () => {
  it('refuses a pattern that is no string', () => {
    for (const given of notStrings) assertArgumentError(() => bus.subscribe(given, handler), 'pattern', given);
  });

  it('refuses a string that is no pattern', () => {
    for (const [given, reason] of wrongNames) {
      assert.throws(
        () => bus.subscribe(given, handler),
        { code: 'ERR_AGENTWIRE_TOPIC', message: new RegExp(reason) },
        given,
      );
    }
    assert.equal(bus.getMetrics().subscriptions, 0);
  });

  it('refuses a handler that is no function', () => {
    for (const given of [undefined, null, 5, 'text', {}])
      assertArgumentError(() => bus.subscribe('a', given), 'handler', given);
  });

  it('refuses options that are no object', () => {
    for (const given of notObjects) assertArgumentError(() => bus.subscribe('a', handler, given), 'options', given);
  });

  it('refuses options that it does not know', () => {
    assertUnknownOption(() => bus.subscribe('a', handler, { limit: 5 }), 'limit');
  });

  it('refuses a queueLimit out of range', () => {
    for (const given of [null, 0, -1, 1.5, 1_000_001, Number.NaN, Number.POSITIVE_INFINITY, '5', 5n]) {
      assertArgumentError(() => bus.subscribe('a', handler, { queueLimit: given }), 'queueLimit', given);
    }
    for (const queueLimit of [1, 1_000_000]) bus.subscribe('a', handler, { queueLimit }).unsubscribe();
  });

  it('refuses an overflow that it does not have', () => {
    for (const given of [null, 'drop', 'Reject', 'Block', '', 5]) {
      assertArgumentError(() => bus.subscribe('a', handler, { overflow: given }), 'overflow', given);
    }
    for (const overflow of ['reject', 'drop-newest', 'drop-oldest', 'block'])
      bus.subscribe('a', handler, { overflow }).unsubscribe();
  });
});

describe('countMatchingSubscriptions', () => {
  it('refuses a topic that is no string', () => {
    for (const given of notStrings) assertArgumentError(() => bus.countMatchingSubscriptions(given), 'topic', given);
  });
});

describe('messages of errors', () => {
  it('say what was given, shortly', () => {
    const message = (given) => {
      try {
        return bus.publish(given, 1);
      } catch (error) {
        return error.message;
      }
    };
    class Thing {}
    assert.equal(message(5), 'topic must be a string; 5 was given');
    assert.equal(message(undefined), 'topic must be a string; undefined was given');
    assert.equal(message(null), 'topic must be a string; null was given');
    assert.equal(message([1]), 'topic must be a string; an array was given');
    assert.equal(message(new Thing()), 'topic must be a string; an object (Thing) was given');
    assert.equal(message(Object.create(null)), 'topic must be a string; an object (without a class) was given');
    assert.equal(message(handler), 'topic must be a string; a function was given');
    assert.throws(
      () => new EventBus({ name: 'x'.repeat(5000) }),
      ({ message }) => message.length < 200,
    );
  });
});
