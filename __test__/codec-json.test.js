'use strict';

// docs/wire-format.md, section 5: values as JSON text and back. AGENTWIRE_FUZZ_RUNS=N runs N cases of each property.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireJsonError, codec } = require('agentwire');
const { mutate, mutation, randomBytes, text, value } = require('./fixtures/arbitraries.js');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');

const numRuns = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 3000;

const toText = (value, options) => codec.toJSON(codec.encode(value), options);
const fromText = (text, options) => codec.decode(codec.fromJSON(text, options));

/** What toJSON writes, and what comes back. */
const golden = [
  [null, 'null'],
  [[true, false, 0, -1, 127.5, 'ü☂😀'], '[true,false,0,-1,127.5,"ü☂😀"]'],
  [{ b: 1, a: { c: [] } }, '{"b":1,"a":{"c":[]}}'],
  [1e21, '1e+21'],
  [undefined, '{"$undefined":true}'],
  // biome-ignore lint/suspicious/noSparseArray: that is what this is about
  [[, 1], '[{"$hole":true},1]'],
  [Number.NaN, '{"$number":"NaN"}'],
  [Number.POSITIVE_INFINITY, '{"$number":"Infinity"}'],
  [Number.NEGATIVE_INFINITY, '{"$number":"-Infinity"}'],
  [-0, '{"$number":"-0"}'],
  [123n, '{"$bigint":"123"}'],
  [-(10n ** 40n), `{"$bigint":"-1${'0'.repeat(40)}"}`],
  [1n << 1023n, `{"$bigint":"${1n << 1023n}"}`],
  [1n << 1024n, `{"$bigint":"0x1${'0'.repeat(256)}"}`],
  [new Date(1_700_000_000_000), '{"$date":1700000000000}'],
  [new Date(Number.NaN), '{"$date":null}'],
  [new Map([['a', [1]]]), '{"$map":[["a",[1]]]}'],
  [new Set(['a', 1n]), '{"$set":["a",{"$bigint":"1"}]}'],
  [new Uint8Array([104, 105]), '{"$binary":"aGk=","kind":"Uint8Array"}'],
  [new Uint8Array([0]).buffer, '{"$binary":"AA==","kind":"ArrayBuffer"}'],
  [new Float32Array([1]), '{"$binary":"AACAPw==","kind":"Float32Array"}'],
  ['a\ud83d', '{"$utf16":"0061d83d"}'],
  [{ $date: 1 }, '{"$object":[["$date",1]]}'],
  [{ a: 1, $date: 1 }, '{"a":1,"$date":1}'],
  [{ 'a\udc00': 1 }, '{"$object":[[{"$utf16":"0061dc00"},1]]}'],
];

describe('toJSON and fromJSON', () => {
  it('map a value to one text and back', () => {
    for (const [value, text] of golden) {
      assert.equal(toText(value), text);
      assertSame(fromText(text), value, text);
    }
  });

  it('keep every value that a message must carry', () => {
    for (const [name, value, expected] of makeValues()) {
      const bytes = codec.encode(value);
      const read = codec.fromJSON(codec.toJSON(bytes));
      assertSame(codec.decode(read), expected, name);
      codec.validate(read);
    }
  });

  it('keep any value, on one line or indented', () => {
    const property = fc.property(value, fc.integer({ min: 0, max: 10 }), (value, indent) => {
      const bytes = codec.encode(value);
      const text = codec.toJSON(bytes, { indent });
      assertSame(codec.decode(codec.fromJSON(text)), value, text);
      // JSON for everybody: any parser reads it, and what it writes again says the same but for the order of integer keys.
      assertSame(fromText(JSON.stringify(JSON.parse(text))), value, text);
    });
    fc.assert(property, { numRuns });
  });
});

/** JSON as JSON.stringify says it: without the keys that have to be escaped, and with one zero. */
const json = fc
  .jsonValue({ maxDepth: 6, noUnicodeString: false })
  .map((value) => JSON.parse(JSON.stringify(value)))
  .filter((value) => !/[{]"\$|\\ud[89a-f]/.test(JSON.stringify(value)));

describe('JSON', () => {
  it('stands for itself', () => {
    const property = fc.property(json, fc.integer({ min: 0, max: 10 }), (value, indent) => {
      const text = toText(value, { indent });
      assert.deepEqual(JSON.parse(text), value);
      assert.equal(text, JSON.stringify(value, null, indent), 'to the letter');
      assertSame(fromText(JSON.stringify(value)), value);
    });
    fc.assert(property, { numRuns });
  });

  it('has numbers as JSON.stringify prints them', () => {
    const bits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((bits) => {
      const view = new DataView(new ArrayBuffer(8));
      view.setBigUint64(0, bits);
      return view.getFloat64(0);
    });
    const decimal = fc
      .tuple(fc.integer(), fc.integer({ min: -330, max: 330 }))
      .map(([digits, exponent]) => Number(`${digits}e${exponent}`));
    const number = fc.oneof(fc.double(), bits, decimal).filter((n) => Number.isFinite(n) && !Object.is(n, -0));
    const property = fc.property(number, (number) => {
      assert.equal(toText(number), JSON.stringify(number));
      assert.equal(fromText(JSON.stringify(number)), number);
    });
    fc.assert(property, { numRuns: 4 * numRuns });
  });

  it('has numbers of any digits, read as the nearest double', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 40 });
    const exponent = fc.oneof(
      fc.constant(''),
      fc.integer({ min: -400, max: 400 }).map((e) => `e${e}`),
    );
    const property = fc.property(digits, fc.option(digits), exponent, (whole, fraction, exponent) => {
      const text = `${whole.replace(/^0+(?=\d)/, '')}${fraction === null ? '' : `.${fraction}`}${exponent}`;
      assert.ok(Object.is(fromText(text), JSON.parse(text)), text);
      assert.ok(Object.is(fromText(`-${text}`), JSON.parse(`-${text}`)), text);
    });
    fc.assert(property, { numRuns });
    // Halfway between two doubles, and a digit far behind decides.
    for (const text of [
      '9007199254740993',
      `9007199254740993.${'0'.repeat(700)}1`,
      '1e23',
      '2.2250738585072011e-308',
    ]) {
      assert.equal(fromText(text), JSON.parse(text), text);
    }
  });
});

function outcome(read) {
  try {
    return { value: read() };
  } catch (error) {
    return { error };
  }
}

/** Both read the same value, or both refuse. True when they read. */
function assertReadAsJson(text, options) {
  const expected = outcome(() => JSON.parse(text));
  const actual = outcome(() => fromText(text, options));
  if (actual.error !== undefined) {
    const { error } = actual;
    assert.ok(error instanceof AgentwireJsonError, String(error));
    assert.equal(error.code, 'ERR_AGENTWIRE_JSON');
    assert.ok(error.line >= 1 && error.column >= 1);
  }
  assert.equal(actual.error === undefined, expected.error === undefined, `${JSON.stringify(text)}: ${actual.error}`);
  if (actual.error !== undefined) return false;
  assertSame(actual.value, expected.value, text);
  return true;
}

const token = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '""',
    '"a"',
    '"a":',
    '0',
    '1',
    '-',
    '.5',
    'e5',
    'E+',
    'true',
    'false',
    'null',
    ' ',
  ],
  ...[
    '\n',
    '\r\n',
    '\t',
    '\\',
    '\\u',
    '\\n',
    'd800',
    '\ud800',
    '\udc00',
    '\0',
    '\u2028',
    '\ufeff',
    'é',
    '"__proto__":',
  ],
);

describe('fromJSON and JSON.parse', () => {
  it('agree on tokens in any order', () => {
    let accepted = 0;
    const tokens = fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join(''));
    const property = fc.property(tokens, (text) => {
      if (assertReadAsJson(text)) accepted += 1;
    });
    fc.assert(property, { numRuns: 4 * numRuns });
    assert.ok(accepted > 0);
  });

  it('agree on strings of any characters', () => {
    const property = fc.property(
      fc.oneof(
        text,
        fc.array(token).map((tokens) => tokens.join('')),
      ),
      (content) => {
        assertReadAsJson(`"${content}"`);
        assertReadAsJson(`{"${content}":1}`, { plain: true });
        assertReadAsJson(`"\\${content}"`);
        assertReadAsJson(JSON.stringify(content));
        assertReadAsJson(content);
      },
    );
    fc.assert(property, { numRuns });
  });

  it('agree on JSON with a few changes, tags or not', () => {
    let accepted = 0;
    const texts = fc.tuple(
      fc.oneof(
        json,
        value.map((value) => JSON.parse(toText(value))),
      ),
      fc.boolean(),
    );
    const property = fc.property(texts, fc.array(mutation, { maxLength: 3 }), ([value, indented], mutations) => {
      const bytes = Buffer.from(JSON.stringify(value, null, indented ? 2 : 0), 'latin1');
      const mutated = Buffer.from(mutate(bytes, mutations)).toString('latin1');
      if (assertReadAsJson(mutated, { plain: true })) accepted += 1;
    });
    fc.assert(property, { numRuns });
    assert.ok(accepted > 0);
  });

  it('agree on keys that come again', () => {
    for (const text of ['{"a":1,"b":2,"a":3}', '{"__proto__":1,"__proto__":[]}', '{"a":{"b":1},"a":{"c":{}}}']) {
      assert.ok(assertReadAsJson(text), text);
    }
    const many = `{${Array.from({ length: 5000 }, (_, i) => `"k${i % 700}":${i}`).join()}}`;
    assert.ok(assertReadAsJson(many));
  });
});

describe('fromJSON', () => {
  it('refuses tags that do not hold what they call for, and says what to do', () => {
    const read = (text) => () => codec.fromJSON(text);
    const at = (line, column) => ({ name: 'AgentwireJsonError', code: 'ERR_AGENTWIRE_JSON', line, column });
    assertSame(fromText('{"$ref":"#/a"}'), { $ref: '#/a' });
    assert.throws(read('[1,\n {"$date":"now"}]'), { ...at(2, 11), message: /milliseconds/ });
    assert.throws(read('{"$hole":true}'), { ...at(1, 1), message: /hole outside of an array/ });
    assert.throws(read('["😀", x]'), { ...at(1, 8), message: /expected a value, found 'x'/ });
    assertSame(fromText('{"$ref":"#/a","$date":1}', { plain: true }), { $ref: '#/a', $date: 1 });
  });

  it('reads 128 levels and no more, as bytes do', () => {
    const nested = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    codec.validate(codec.fromJSON(nested(128)));
    assert.throws(() => codec.fromJSON(nested(129)), { code: 'ERR_AGENTWIRE_JSON', column: 129, message: /128/ });
    assert.throws(() => codec.fromJSON('['.repeat(3_000_000)), { code: 'ERR_AGENTWIRE_JSON' });
  });
});

/** What `toJSON` says of bytes that it cannot read. Random ones can begin as a message does, with any flags. */
const refusals = new Set(
  ['UNDECODABLE', 'UNSUPPORTED_COMPRESSION', 'CHECKSUM', 'FOREIGN_TABLES', 'TOO_LARGE'].map(
    (code) => `ERR_AGENTWIRE_${code}`,
  ),
);

describe('toJSON', () => {
  it('gives text or an error for any bytes', () => {
    let accepted = 0;
    const property = fc.property(
      randomBytes,
      fc.option(fc.tuple(value, fc.array(mutation, { maxLength: 2 }))),
      (random, made) => {
        const bytes = made === null ? random : mutate(codec.encode(made[0]), made[1]);
        const isValid = codec.isValid(bytes);
        const { value: text, error } = outcome(() => codec.toJSON(bytes));
        assert.equal(error === undefined, isValid);
        if (error !== undefined) return assert.ok(refusals.has(error.code), error.code);
        accepted += 1;
        // Bytes of a message say when it is decoded what they say in JSON.
        const again = codec.fromJSON(text);
        assert.equal(codec.toJSON(again), text);
      },
    );
    fc.assert(property, { numRuns });
    assert.ok(accepted > 0);
  });

  it('refuses text that no string could hold', () => {
    // Half a million values on lines of 1,280 spaces.
    const bytes = new Uint8Array(127 + 4 + (1 << 19));
    bytes.fill(0xa1, 0, 127).set([0xce, 0x80, 0x80, 0x20], 127);
    assert.ok(codec.isValid(bytes));
    assert.throws(() => codec.toJSON(bytes, { indent: 10 }), { code: 'ERR_AGENTWIRE_TOO_LARGE', message: /toJSON/ });
  });
});

describe('deep values', () => {
  it('become JSON and back with little left of the stack', () => {
    const texts = ['{"$map":[["k",', '{"$set":[', '{"$object":[["$map",', '{"a":', '['].map((open, index) => {
      const close = [']]}', ']}', ']]}', '}', ']'][index];
      return open.repeat(128) + 1 + close.repeat(128);
    });
    const seen = new Set();
    const recurse = () => {
      try {
        recurse();
      } catch {
        // The stack is used up: on each level on the way back there is a little more.
      }
      if (seen.size >= 50) return;
      try {
        for (const text of texts) assert.equal(codec.toJSON(codec.fromJSON(text)), text);
        seen.add(seen.size);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    };
    recurse();
    assert.equal(seen.size, 50);
  });
});
