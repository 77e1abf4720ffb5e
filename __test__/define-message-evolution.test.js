'use strict';

// Versions of a definition read one another, now and from bytes that were stored: nothing that one of them does not know gets lost. A
// definition that would break that is refused. The whole file runs a second time in a process that may not generate code.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const {
  AgentwireDecodeError,
  AgentwireDefinitionError,
  AgentwireValueError,
  defineMessage,
  EncodedMessage,
  unknownFields,
} = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { vectors, definitions } = require('./fixtures/message-vectors.js');
const { runNode, uniqueName } = require('./helpers.js');

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 600;
const flag = '--disallow-code-generation-from-strings';

const string = (tag) => ({ tag, type: 'string', optional: true });
const keptBy = (message) => Object.fromEntries(message[unknownFields] ?? []);

describe('versions', () => {
  const name = 'evolution.task';
  const V1 = defineMessage(name, {
    id: { tag: 1, type: 'string' },
    title: { tag: 2, type: 'string', optional: true },
    size: { tag: 3, type: 'integer', optional: true },
    state: { tag: 4, type: ['open', 'done'], optional: true },
  });
  const Owner = defineMessage('evolution.owner', { id: { tag: 1, type: 'string' } });
  const V2 = defineMessage(
    name,
    {
      id: { tag: 1, type: 'string' },
      name: { tag: 2, type: 'string', optional: true }, // renamed
      size: { tag: 3, type: 'number', optional: true }, // widened
      state: { tag: 4, type: ['open', 'done', 'paused'], optional: true }, // a member more
      owner: { tag: 5, type: Owner, optional: true },
      labels: { tag: 6, type: 'string', repeated: true },
      level: { tag: 7, type: 'integer', default: 3 },
    },
    { version: 2, previous: V1 },
  );
  const V3 = defineMessage(
    name,
    {
      owner: { tag: 5, type: Owner, optional: true },
      id: { tag: 1, type: 'string' },
      size: { tag: 3, type: 'any', optional: true },
      state: { tag: 4, type: 'string', optional: true },
      labels: { tag: 6, type: 'string', repeated: true },
      since: { tag: 9, type: 'time', optional: true },
    },
    { version: 3, reserved: [2, 7] },
  );
  const v1 = { id: 'a', title: 't', size: 5, state: 'open' };
  const v2 = { id: 'a', name: 't', size: 5.5, state: 'done', owner: { id: 'o' }, labels: ['x'], level: 1 };
  const v3 = { owner: { id: 'o' }, id: 'a', size: 7, state: 'open', labels: ['x', 'y'], since: 5n };

  it('read what older ones wrote', () => {
    assertSame(V2.decode(V1.encode(v1)), { id: 'a', name: 't', size: 5, state: 'open', labels: [], level: 3 });
    assertSame(V3.decode(V1.encode({ id: 'a', size: 5 })), { id: 'a', size: 5, labels: [] });
    const { name: _, level: __, ...rest } = v2;
    const back = V3.decode(V2.encode(v2));
    assert.deepEqual(keptBy(back), { 2: 't', 7: 1 });
    assertSame({ ...back }, { owner: rest.owner, id: 'a', size: 5.5, state: 'done', labels: ['x'] });
  });

  it('read what newer ones wrote, and write back what they do not know', () => {
    const old = V1.decode(V3.encode(v3));
    assertSame(old, { id: 'a', size: 7, state: 'open' });
    assert.deepEqual(Object.keys(keptBy(old)), ['5', '6', '9']);
    assertSame(V3.decode(V1.encode(old)), v3);
    assertSame(V3.decode(V1.encode({ ...old, size: 8 })), { ...v3, size: 8 });
    assertSame(V3.decode(V1.encode({ ...old, state: undefined })).state, undefined);
    assert.deepEqual(V1.encode(V1.decode(V1.encode(old))), V1.encode(old));
    // Through all of them and back.
    assertSame(V3.decode(V2.encode(V2.decode(V1.encode(V1.decode(V3.encode(v3)))))), v3);
    assertSame(V2.decode(V3.encode(V3.decode(V1.encode(V1.decode(V2.encode({ ...v2, size: 5 })))))), {
      ...v2,
      size: 5,
    });
  });

  it('carry what they do not know with a copy, and do not show it', () => {
    const old = V1.decode(V3.encode(v3));
    assert.equal(JSON.stringify(old), JSON.stringify({ id: 'a', size: 7, state: 'open' }));
    assert.deepEqual(Object.keys(old), ['id', 'size', 'state']);
    assertSame(V3.decode(V1.encode({ ...old })), v3);
    assertSame(V3.decode(V1.encode(Object.assign({}, old))), v3);
    assert.equal(Object.hasOwn(V1.decode(V1.encode(v1)), unknownFields), false);
  });

  it('may pass a message on to one that knows the fields', () => {
    assertSame(V3.decode(V3.encode(V1.decode(V3.encode(v3)))), v3);
    const own = { ...V1.decode(V3.encode(v3)), since: 9 };
    assertSame(V3.decode(V3.encode(own)).since, 9);
  });

  it('keep what nested messages do not know', () => {
    const outer = uniqueName('outer');
    const inner = uniqueName('inner');
    const Inner1 = defineMessage(inner, { id: string(1) });
    const Inner2 = defineMessage(
      inner,
      { id: string(1), more: { tag: 2, type: 'any', optional: true } },
      { version: 2 },
    );
    const Outer1 = defineMessage(outer, {
      one: { tag: 1, type: Inner1 },
      many: { tag: 2, type: Inner1, repeated: true },
    });
    const Outer2 = defineMessage(
      outer,
      {
        one: { tag: 1, type: Inner2 },
        many: { tag: 2, type: Inner2, repeated: true },
        extra: { tag: 3, type: Inner2, optional: true },
      },
      { version: 2 },
    );
    const value = { one: { id: 'a', more: [1] }, many: [{ more: new Date(5) }, {}], extra: { id: 'x', more: 1n } };
    const old = Outer1.decode(Outer2.encode(value));
    assertSame(old, { one: { id: 'a' }, many: [{}, {}] });
    assert.ok(old[unknownFields].get(3) instanceof EncodedMessage);
    assertSame(Outer2.decode(Outer1.encode(old)), value);
    const changed = { ...old, many: [...old.many, { id: 'new' }] };
    assertSame(Outer2.decode(Outer1.encode(changed)), { ...value, many: [...value.many, { id: 'new' }] });
  });

  it('take an unknown member of an enum as an absent field, and write it back; one that is required is an error', () => {
    const paused = V2.encode({ id: 'a', state: 'paused' });
    const old = V1.decode(paused);
    assertSame(old, { id: 'a' });
    assertSame(V2.decode(V1.encode(old)).state, 'paused');
    assertSame(V2.decode(V1.encode({ ...old, state: 'done' })).state, 'done');
    const kind = uniqueName('enum');
    const Old = defineMessage(kind, {
      required: { tag: 1, type: ['a'] },
      standIn: { tag: 2, type: ['a'], default: 'a' },
      open: { tag: 3, type: ['a'], open: true },
      list: { tag: 4, type: ['a'], repeated: true },
    });
    const New = defineMessage(
      kind,
      {
        required: { tag: 1, type: ['a', 'b'] },
        standIn: { tag: 2, type: ['a', 'b'], default: 'b' },
        open: { tag: 3, type: ['a', 'b'], open: true },
        list: { tag: 4, type: ['b', 'a'], repeated: true },
      },
      { version: 2 },
    );
    const value = { required: 'a', standIn: 'b', open: 'b', list: ['a'] };
    const back = Old.decode(New.encode(value));
    assertSame(back, { ...value, standIn: 'a' });
    // It has the default now, which is a value of its own.
    assertSame(New.decode(Old.encode(back)).standIn, 'a');
    const unknown = (field) => ({
      name: AgentwireDecodeError.name,
      message: new RegExp(`field ${field}: .*"b"; a later version`),
    });
    assert.throws(() => Old.decode(New.encode({ ...value, required: 'b' })), unknown('required'));
    assert.throws(() => Old.decode(New.encode({ ...value, list: ['a', 'b'] })), unknown('list\\[1\\]'));
  });

  it('make a field of what was an extra property', () => {
    const kind = uniqueName('extra');
    const Old = defineMessage(kind, { id: string(1) }, { extra: 'keep' });
    const New = defineMessage(
      kind,
      { id: string(1), region: string(2), level: { tag: 3, type: 'integer', default: 0 } },
      { version: 2, extra: 'keep' },
    );
    const Strict = defineMessage(kind, { id: string(1), other: string(4) }, { version: 3 });
    assertSame(New.decode(Old.encode({ id: 'a', region: 'eu', level: 2, more: 1 })), {
      id: 'a',
      level: 2,
      region: 'eu',
      more: 1,
    });
    // What does not fit is put aside, and written back.
    const odd = New.decode(Old.encode({ id: 'a', region: 5 }));
    assertSame(odd, { id: 'a', level: 0 });
    assertSame(Old.decode(New.encode({ ...odd, more: 1 })).region, 5);
    // Who refuses extra properties of its own keeps those that it reads.
    const strict = Strict.decode(Old.encode({ id: 'a', region: 'eu' }));
    assertSame(strict, { id: 'a' });
    assertSame(Old.decode(Strict.encode(strict)), { id: 'a', region: 'eu' });
    assert.throws(() => Strict.encode({ ...strict, more: 1 }), AgentwireValueError);
  });

  it('of any two schemas, one with more fields, lose nothing', () => {
    const kinds = {
      string: fc.string({ maxLength: 20 }),
      integer: fc.maxSafeInteger(),
      bigint: fc.bigInt(),
      bytes: fc.uint8Array({ maxLength: 9 }),
      any: fc.oneof(fc.constant(null), fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true })),
    };
    const one = fc
      .record({
        tag: fc.integer({ min: 1, max: 200 }),
        type: fc.constantFrom(...Object.keys(kinds)),
        isNew: fc.boolean(),
        isGone: fc.boolean(),
      })
      .chain((field) => kinds[field.type].map((value) => ({ ...field, value })));
    const property = fc.property(fc.uniqueArray(one, { selector: ({ tag }) => tag, maxLength: 12 }), (all) => {
      const message = uniqueName('pair');
      const specs = (some, prefix) =>
        Object.fromEntries(some.map(({ tag, type }) => [`${prefix}${tag}`, { tag, type, optional: true }]));
      // The names differ: only tags count.
      const Old = defineMessage(
        message,
        specs(
          all.filter(({ isNew }) => !isNew),
          'old',
        ),
      );
      const New = defineMessage(
        message,
        specs(
          all.filter(({ isGone }) => !isGone),
          'new',
        ),
        { version: 2 },
      );
      const newValue = Object.fromEntries(
        all.filter(({ isGone }) => !isGone).map(({ tag, value }) => [`new${tag}`, value]),
      );
      const oldValue = Object.fromEntries(
        all.filter(({ isNew }) => !isNew).map(({ tag, value }) => [`old${tag}`, value]),
      );
      assertSame(New.decode(Old.encode(Old.decode(New.encode(newValue)))), newValue);
      assertSame(Old.decode(New.encode(New.decode(Old.encode(oldValue)))), oldValue);
    });
    fc.assert(property, { numRuns: runs });
  });
});

describe('unknown fields that nobody read', () => {
  const A = defineMessage('evolution.forged', {
    id: { tag: 1, type: 'string' },
    list: { tag: 2, type: 'string', repeated: true },
  });

  it('are refused when they are no Map of values by tag', () => {
    const expected = { name: AgentwireValueError.name, path: '$[unknownFields]' };
    for (const kept of [
      null,
      {},
      5,
      new Map([[0, 1]]),
      new Map([['5', 1]]),
      new Map([[2, 'no array']]),
      new Map([[2 ** 21 - 1, 5]]),
    ]) {
      assert.throws(() => A.encode({ id: 'a', [unknownFields]: kept }), expected);
      assert.equal(A.is({ id: 'a', [unknownFields]: kept }), false);
    }
    const unsendable = { id: 'a', [unknownFields]: new Map([[5, () => {}]]) };
    assert.throws(() => A.encode(unsendable), { path: '$[unknownFields].get(5)', message: /a function/ });
  });

  it('are written where their tags belong, beside those of the message', () => {
    const kept = new Map([
      [9, 'nine'],
      [2 ** 32 - 1, 'last'],
      [3, 'three'],
      [1, 'not used'],
    ]);
    const bytes = A.encode({ id: 'a', [unknownFields]: kept });
    assert.deepEqual(keptBy(A.decode(bytes)), { 3: 'three', 9: 'nine', [2 ** 32 - 1]: 'last' });
    assert.equal(A.decode(bytes).id, 'a');
  });
});

describe('a definition that breaks compatibility is refused', () => {
  const text = { tag: 1, type: 'string' };
  const Other = defineMessage('evolution.other', { id: text });
  const Another = defineMessage('evolution.another', { id: text });

  /** Both ways: whichever of the two is defined first. */
  function refuse(older, newer, field, reason, options = {}) {
    for (const order of ['up', 'down']) {
      const name = uniqueName('refused');
      const versions = [
        () => defineMessage(name, older, { version: 1, reserved: options.older }),
        () => defineMessage(name, newer, { version: 2, reserved: options.newer }),
      ];
      if (order === 'down') versions.reverse();
      versions[0]();
      const isRight = (error) => {
        assert.ok(error instanceof AgentwireDefinitionError, String(error));
        const { code, definition } = error;
        assert.deepEqual([code, definition, error.field], ['ERR_AGENTWIRE_INCOMPATIBLE_DEFINITION', name, field]);
        assert.ok(
          error.message.startsWith(`defineMessage("${name}"), field ${JSON.stringify(field)}: `),
          error.message,
        );
        assert.match(error.message, reason);
        return true;
      };
      assert.throws(versions[1], isRight);
      // A second time too: what was refused is not remembered.
      assert.throws(versions[1], isRight);
    }
  }
  function accept(older, newer) {
    const name = uniqueName('accepted');
    defineMessage(name, older);
    defineMessage(name, newer, { version: 2 });
  }

  const types = ['string', 'number', 'integer', 'boolean', 'bigint', 'time', 'bytes', 'date', 'any'];
  const widenings = ['integer number', 'integer time', 'bigint time'];

  it('when the type of a tag changes, but for widening', () => {
    for (const before of types) {
      for (const after of types) {
        const specs = [before, after].map((type) => ({ id: { tag: 1, type } }));
        const isFine = before === after || after === 'any' || widenings.includes(`${before} ${after}`);
        if (isFine) accept(...specs);
        else refuse(...specs, 'id', new RegExp(`tag 1 is ${before} in version 1 and ${after} in version 2`));
      }
    }
    accept({ id: { tag: 1, type: ['a'] } }, { id: text });
    refuse({ id: text }, { id: { tag: 1, type: ['a'] } }, 'id', /is string in version 1 and enum of "a"/);
    refuse({ id: text }, { id: { ...text, repeated: true } }, 'id', /is string in version 1 and repeated string/);
    refuse({ id: { ...text, repeated: true } }, { id: { ...text, optional: true } }, 'id', /is repeated string/);
    refuse({ id: { tag: 1, type: Other } }, { id: { tag: 1, type: 'any' } }, 'id', /is message in version 1 and any/);
    refuse(
      { id: { tag: 1, type: Other } },
      { id: { tag: 1, type: Another } },
      'id',
      /"evolution.other" in version 1 and "evolution.another"/,
    );
  });

  it('when a nested definition changes behind a function, at the first use', () => {
    const name = uniqueName('late');
    defineMessage(name, { inner: { tag: 1, type: () => Other } });
    let which;
    const Late = defineMessage(name, { inner: { tag: 1, type: () => which } }, { version: 2 });
    which = Another;
    const refused = { code: 'ERR_AGENTWIRE_INCOMPATIBLE_DEFINITION', field: 'inner' };
    assert.throws(() => Late.encode({ inner: { id: 'a' } }), refused);
    assert.throws(() => Late.decode(new Uint8Array(9)), refused);
    assert.throws(() => Late.is({}), refused);
  });

  it('when a field is added, or made, required', () => {
    const added = { id: text, more: { tag: 2, type: 'string' } };
    refuse({ id: text }, added, 'more', /required in version 2, and messages of version 1 do not have it/);
    refuse(
      { id: { ...text, optional: true } },
      { id: text },
      'id',
      /required in version 2, and may be absent in version 1/,
    );
    refuse({ id: { ...text, default: 'x' } }, { id: text }, 'id', /required in version 2/);
    accept({ id: text }, { id: text, more: { ...added.more, optional: true } });
    accept({ id: text }, { id: text, more: { ...added.more, repeated: true } });
    accept({ id: text }, { id: text, more: { ...added.more, default: '' } });
    accept({ id: text }, { id: { ...text, optional: true } });
  });

  it('when a required field is removed', () => {
    refuse({ id: text }, {}, 'id', /required in version 1, which could read no message without it/);
    accept({ id: { ...text, optional: true } }, {});
  });

  it('when a reserved tag is used, or a field changes its tag', () => {
    refuse({}, { id: { ...text, optional: true } }, 'id', /tag 1 is reserved in version 1/, { older: [1] });
    refuse(
      { id: { ...text, optional: true } },
      { id: { tag: 2, type: 'string', optional: true } },
      'id',
      /the tag 1 in version 1 and 2 in version 2/,
    );
    const name = uniqueName('reserved');
    defineMessage(name, { id: { ...text, optional: true } });
    defineMessage(name, {}, { version: 2, reserved: [1] });
    const third = () => defineMessage(name, { other: { ...text, optional: true } }, { version: 3 });
    assert.throws(third, { code: 'ERR_AGENTWIRE_INCOMPATIBLE_DEFINITION', message: /reserved in version 2/ });
  });

  it('when a member of an enum is removed, or an open one closed', () => {
    const list = (...type) => ({ id: { tag: 1, type } });
    refuse(list('a', 'b', 'c'), list('b'), 'id', /the enum had "a", "c" in version 1 and has not in version 2/);
    accept(list('a'), list('b', 'a'));
    const open = { id: { tag: 1, type: ['a'], open: true } };
    accept(list('a', 'b'), open);
    refuse(open, list('a'), 'id', /it is open in version 1/);
  });

  it('when a version has other fields than before; the same ones are fine', () => {
    const name = uniqueName('same');
    const define = (specs, options) => defineMessage(name, specs, options);
    const First = define({ id: text, kind: { tag: 2, type: ['a', 'b'], default: 'a' } }, { reserved: [8, 9] });
    const Again = define({ kind: { tag: 2, type: ['a', 'b'], default: 'a' }, id: text }, { reserved: [9, 8] });
    assertSame(Again.decode(First.encode({ id: 'a' })), { kind: 'a', id: 'a' });
    const kind = { tag: 2, type: ['a', 'b'], default: 'a' };
    const others = [
      { id: text },
      { id: text, kind, more: string(3) },
      { id: string(1), kind },
      { key: text, kind },
      { id: text, kind: { ...kind, default: 'b' } },
      { id: text, kind: { ...kind, type: ['b', 'a'] } },
      { id: text, kind: { ...kind, open: true } },
      { id: { tag: 1, type: 'any' }, kind },
    ];
    for (const specs of others) {
      assert.throws(() => define(specs, { reserved: [8, 9] }), {
        code: 'ERR_AGENTWIRE_INCOMPATIBLE_DEFINITION',
        message: /version 1 was defined with .*higher version/,
      });
    }
    assert.throws(() => define({ id: text, kind }), { message: /other reserved tags/ });
  });

  it('with `previous`, which has the same name and a lower version', () => {
    const name = uniqueName('previous');
    const First = defineMessage(name, { id: text }, { version: 5 });
    assert.equal(defineMessage(name, { id: text, more: string(2) }, { previous: First }).version, 6);
    assert.throws(() => defineMessage(name, { id: text }, { previous: First, version: 5 }), {
      code: 'ERR_AGENTWIRE_ARGUMENT',
      message: /from 6/,
    });
    assert.throws(() => defineMessage(uniqueName(), { id: text }, { previous: First }), {
      code: 'ERR_AGENTWIRE_DEFINITION',
      message: /one name/,
    });
    assert.throws(() => defineMessage(name, {}, { previous: First, version: 9 }), {
      code: 'ERR_AGENTWIRE_INCOMPATIBLE_DEFINITION',
      field: 'id',
    });
  });
});

describe('stored messages of older versions', () => {
  it('are read by each version as it always was', () => {
    assert.ok(vectors.length >= 20);
    for (const { definition, version, hex, reads } of vectors) {
      const bytes = Buffer.from(hex, 'hex');
      for (const [reader, expected] of Object.entries(reads)) {
        const message = definitions[definition][reader].decode(bytes);
        assertSame(message, expected.message, `${definition} ${version} by ${reader}: ${hex}`);
        assertSame(keptBy(message), expected.kept, `${definition} ${version} by ${reader}: ${hex}`);
        // Written again, it says the same.
        const again = definitions[definition][reader].encode(message);
        const writer = definitions[definition][version];
        assertSame(writer.decode(again), reads[version].message, `${definition} ${version} by ${reader}: ${hex}`);
      }
    }
  });
});

it('all of it is the same where no code may be generated', { skip: process.execArgv.includes(flag) }, async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { code, stdout, stderr } = await runNode([flag, __filename], { env, cwd: __dirname });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /pass \d\d/);
});
