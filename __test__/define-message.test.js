'use strict';

// defineMessage: what goes in comes out, of any schema, into memory of one's own too; what does not fit is refused by the name of the
// property. The whole file runs a second time in a process that may not generate code.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const {
  AgentwireArgumentError,
  AgentwireDecodeError,
  AgentwireDefinitionError,
  AgentwireRangeError,
  AgentwireValueError,
  CoordinationMessage,
  defineMessage,
  EncodedMessage,
  HeartbeatMessage,
  TaskAssignmentMessage,
  TaskResultMessage,
} = require('agentwire');
const { arbitraryCase } = require('./fixtures/schemas.js');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');
const { runNode, uniqueName } = require('./helpers.js');

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 600;
const flag = '--disallow-code-generation-from-strings';

const Agent = defineMessage('test.agent', {
  id: { tag: 1, type: 'string' },
  role: { tag: 2, type: ['planner', 'coder'], optional: true },
});
const fields = {
  taskId: { tag: 1, type: 'string' },
  priority: { tag: 2, type: 'number', optional: true },
  labels: { tag: 3, type: 'string', repeated: true },
  state: { tag: 4, type: ['open', 'done'] },
  deadline: { tag: 5, type: 'date', optional: true },
  owner: { tag: 6, type: Agent },
  helpers: { tag: 300, type: () => Agent, repeated: true, optional: true },
  attempt: { tag: 8, type: 'integer', default: 1 },
  isUrgent: { tag: 9, type: 'boolean', optional: true },
  nonce: { tag: 10, type: 'bigint', optional: true },
  createdAt: { tag: 11, type: 'time', optional: true },
  image: { tag: 12, type: 'bytes', optional: true },
  payload: { tag: 13, type: 'any', optional: true },
  kind: { tag: 2_097_150, type: ['build'], open: true, optional: true },
};
const Task = defineMessage('test.task', fields, { version: 2 });

const smallest = { taskId: 't-1', labels: [], state: 'open', owner: { id: 'a-7' }, attempt: 1 };
const largest = {
  taskId: 'täsk ☂',
  priority: -0,
  labels: ['a', '', '☂'],
  state: 'done',
  deadline: new Date(Number.NaN),
  owner: { id: 'a-7', role: 'coder' },
  helpers: [{ id: 'b' }, { id: 'c', role: 'planner' }],
  attempt: -(2 ** 53) + 1,
  isUrgent: false,
  nonce: 2n ** 90n,
  createdAt: 1_700_000_000_000_000_000n,
  image: Uint8Array.of(1, 2, 3),
  payload: { deep: [new Map([[1, new Set(['x'])]]), undefined, null], inner: Agent.wrap({ id: 'z' }) },
  kind: 'other',
};

const roundTrip = (definition, value) => definition.decode(definition.encode(value));
const refusal = (path, reason) => (error) => {
  assert.ok(error instanceof AgentwireValueError, String(error));
  assert.equal(error.path, path);
  assert.match(error.message, reason);
  return true;
};

describe('a message', () => {
  it('comes back as it went in', () => {
    assertSame(roundTrip(Task, smallest), smallest);
    assertSame(roundTrip(Task, largest), largest);
  });

  it('of any schema comes back as it went in', () => {
    const property = fc.property(arbitraryCase, ({ specs, extra, value, expected }) => {
      const definition = defineMessage(uniqueName('schema'), specs, { extra });
      assert.equal(definition.is(value), true);
      const bytes = definition.encode(value);
      assertSame(definition.decode(bytes), expected);
      assertSame(definition.unwrap(definition.wrap(value)), expected);
      // Who reads it and writes it again writes the same.
      assert.deepEqual(definition.encode(definition.decode(bytes)), definition.encode(expected));
    });
    fc.assert(property, { numRuns: runs });
  });

  it('carries every value in a field of type any', () => {
    const Any = defineMessage('test.any', { value: { tag: 1, type: 'any' } });
    for (const [name, value, expected] of makeValues()) {
      // The message is a level itself.
      if (/depth 128/.test(name)) assert.throws(() => Any.encode({ value }), { code: 'ERR_AGENTWIRE_TOO_DEEP' });
      else assertSame(roundTrip(Any, { value }), { value: expected }, name);
    }
    assertSame(roundTrip(Any, {}), { value: undefined });
  });

  it('lacks what was left out, and has the defaults and empty arrays', () => {
    const { labels, attempt, ...given } = smallest;
    assertSame(roundTrip(Task, given), smallest);
    assertSame(roundTrip(Task, { ...given, priority: undefined, labels: undefined }), smallest);
    assert.deepEqual([labels, attempt], [[], 1]);
    const Optional = defineMessage('test.optional', { list: { tag: 1, type: 'any', repeated: true, optional: true } });
    assertSame(roundTrip(Optional, {}), {});
    assertSame(roundTrip(Optional, { list: [] }), { list: [] });
    // biome-ignore lint/suspicious/noSparseArray: it is what is tested
    assertSame(roundTrip(Optional, { list: [1, , undefined] }), { list: [1, , undefined] });
    assert.notEqual(roundTrip(Task, given).labels, roundTrip(Task, given).labels);
  });

  it('has its properties in the order of the definition, whatever their order was', () => {
    const reversed = Object.fromEntries(Object.entries(largest).reverse());
    assertSame(roundTrip(Task, reversed), largest);
  });

  it('may be an object of a class, with getters', () => {
    class Sub {
      #id = 'a';
      get id() {
        return this.#id;
      }
    }
    assertSame(roundTrip(Agent, new Sub()), { id: 'a' });
    assertSame(roundTrip(Agent, Object.assign(Object.create(null), { id: 'b' })), { id: 'b' });
  });

  it('may hold messages of its own kind, and of kinds that refer to each other', () => {
    const Tree = defineMessage('test.tree', {
      name: { tag: 1, type: 'string' },
      children: { tag: 2, type: () => Tree, repeated: true },
      forest: { tag: 3, type: () => Forest, optional: true },
    });
    const Forest = defineMessage('test.forest', { root: { tag: 1, type: Tree, optional: true } });
    const leaf = { name: 'leaf', children: [] };
    const tree = { name: 'root', children: [leaf, { name: 'inner', children: [leaf] }], forest: { root: leaf } };
    assertSame(roundTrip(Tree, tree), tree);
    const cyclic = { name: 'a', children: [] };
    cyclic.children.push(cyclic);
    assert.throws(() => Tree.encode(cyclic), { code: 'ERR_AGENTWIRE_CYCLE', path: '$.children[0]' });
    const deep = (levels) => (levels === 0 ? { name: 'x' } : { name: 'x', children: [deep(levels - 1)] });
    assert.equal(Tree.is(deep(63)), true);
    Tree.validate(Tree.encode(deep(63)));
    assert.throws(() => Tree.encode(deep(64)), { code: 'ERR_AGENTWIRE_TOO_DEEP', message: /message "test.tree".*128/ });
    assert.equal(Tree.is(deep(64)), false);
  });

  it('is larger than any memory that was there before', () => {
    const taskId = 'long '.repeat(1_000_000);
    assert.equal(roundTrip(Task, { ...smallest, taskId }).taskId, taskId);
    assertSame(roundTrip(Task, smallest), smallest);
  });

  it('may have many fields', () => {
    const tags = Array.from({ length: 1000 }, (_, index) => index + 1);
    const specs = tags.map((tag) => [`field${tag}`, { tag, type: 'integer', optional: tag % 2 === 0 }]);
    const Wide = defineMessage('test.wide', Object.fromEntries(specs));
    const value = Object.fromEntries(tags.map((tag) => [`field${tag}`, -tag]));
    assertSame(roundTrip(Wide, value), value);
    const { field500: _, ...less } = value;
    assertSame(roundTrip(Wide, less), less);
  });

  it('is encoded while another one is', () => {
    const outer = {
      get id() {
        for (let i = 0; i < 3; i += 1) assertSame(roundTrip(Task, largest), largest);
        return 'outer';
      },
      role: 'coder',
    };
    assertSame(roundTrip(Task, { ...smallest, payload: { x: 1 }, owner: outer }).owner, { id: 'outer', role: 'coder' });
    const payload = {
      before: 'b',
      get inner() {
        return Task.encode(largest);
      },
      after: 'c',
    };
    const back = roundTrip(Task, { ...smallest, payload }).payload;
    assertSame(back, { before: 'b', inner: Task.encode(largest), after: 'c' });
  });

  it('that changes while it is encoded is refused', () => {
    const list = ['a', 'b'];
    const Changing = defineMessage('test.changing', {
      list: { tag: 1, type: 'string', repeated: true },
      first: { tag: 2, type: () => First, repeated: true },
    });
    const First = defineMessage('test.changing.first', { id: { tag: 1, type: 'string' } });
    const first = [
      {
        get id() {
          first.length = 1;
          return 'x';
        },
      },
      { id: 'y' },
    ];
    assert.throws(() => Changing.encode({ list, first }), { code: 'ERR_AGENTWIRE_UNSUPPORTED', message: /it changed/ });
  });
});

describe('encodeInto', () => {
  it('writes what encode gives, at an offset, and nothing else', () => {
    const bytes = Task.encode(largest);
    const target = new Uint8Array(bytes.length + 20).fill(0xee);
    assert.equal(Task.encodeInto(largest, target, 7), bytes.length);
    assert.deepEqual(target.slice(7, 7 + bytes.length), bytes);
    assert.ok([...target.slice(0, 7), ...target.slice(7 + bytes.length)].every((byte) => byte === 0xee));
    const exact = new Uint8Array(new SharedArrayBuffer(bytes.length));
    assert.equal(Task.encodeInto(largest, exact), bytes.length);
    assertSame(Task.decode(exact), largest);
  });

  it('refuses a target that is too small, and leaves it as it is', () => {
    const { length } = Task.encode(largest);
    const target = new Uint8Array(length + 3);
    const error = {
      name: AgentwireRangeError.name,
      code: 'ERR_AGENTWIRE_TOO_LONG',
      message: new RegExp(`${length} bytes`),
    };
    assert.throws(() => Task.encodeInto(largest, target, 4), error);
    assert.ok(target.every((byte) => byte === 0));
  });

  it('refuses what is no target', () => {
    for (const target of [
      undefined,
      [],
      new Uint16Array(100),
      'bytes',
      new ArrayBuffer(5),
      Object.create(Uint8Array.prototype),
    ]) {
      assert.throws(() => Task.encodeInto(smallest, target), AgentwireArgumentError);
    }
    for (const offset of [-1, 0.5, 101, '0', Number.NaN]) {
      assert.throws(() => Task.encodeInto(smallest, new Uint8Array(100), offset), AgentwireArgumentError);
    }
    const target = new Uint8Array(1000);
    structuredClone(target.buffer, { transfer: [target.buffer] });
    assert.throws(() => Task.encodeInto(smallest, target), { code: 'ERR_AGENTWIRE_DETACHED' });
    const lost = new Uint8Array(1000);
    const stealing = {
      get id() {
        structuredClone(lost.buffer, { transfer: [lost.buffer] });
        return 'a';
      },
    };
    assert.throws(() => Agent.encodeInto(stealing, lost), { code: 'ERR_AGENTWIRE_DETACHED' });
  });
});

describe('what is no message', () => {
  it('is refused by the name of the property, with what was given', () => {
    const cases = [
      [{ ...smallest, taskId: 5 }, '$.taskId', /message "test.task": \$\.taskId must be a string; 5 was given/],
      [{ ...smallest, priority: '1' }, '$.priority', /a number; "1" was given/],
      [{ ...smallest, labels: 'a' }, '$.labels', /an array; "a" was given/],
      [{ ...smallest, labels: null }, '$.labels', /an array; null was given/],
      [{ ...smallest, labels: ['a', 5] }, '$.labels[1]', /a string; 5 was given/],
      [{ ...smallest, labels: new Array(1) }, '$.labels[0]', /a string; undefined was given/],
      [{ ...smallest, state: 'paused' }, '$.state', /one of "open", "done"; "paused" was given/],
      [{ ...smallest, deadline: 5 }, '$.deadline', /a Date; 5 was given/],
      [{ ...smallest, owner: 'a' }, '$.owner', /a message "test.agent", an object; "a" was given/],
      [{ ...smallest, owner: {} }, '$.owner.id', /is missing; it must be a string/],
      [{ ...smallest, helpers: [{ id: 'a' }, { id: 1 }] }, '$.helpers[1].id', /a string; 1 was given/],
      [{ ...smallest, attempt: 2 ** 53 }, '$.attempt', /an integer .*; 9007199254740992 was given/],
      [{ ...smallest, attempt: 0.5 }, '$.attempt', /an integer .*; 0.5 was given/],
      [{ ...smallest, isUrgent: 1 }, '$.isUrgent', /true or false; 1 was given/],
      [{ ...smallest, nonce: 1 }, '$.nonce', /a bigint; 1 was given/],
      [{ ...smallest, createdAt: Number.NaN }, '$.createdAt', /a finite number or a bigint; NaN was given/],
      [{ ...smallest, createdAt: new Date() }, '$.createdAt', /an object \(Date\) was given/],
      [{ ...smallest, image: [1] }, '$.image', /a Uint8Array; an array was given/],
      [{ ...smallest, kind: 5 }, '$.kind', /a string; 5 was given/],
      [{ ...smallest, payload: { f() {} } }, '$.payload.f', /is a function/],
      [{ ...smallest, more: 1 }, '$.more', /is no field of "test.task"/],
      [{ ...smallest, owner: { id: 'a', 'b c': 1 } }, '$.owner["b c"]', /is no field of "test.agent"/],
      [null, '$', /an object; null was given/],
      [[], '$', /an object; an array was given/],
      [new Map(), '$', /an object \(Map\) was given/],
      [new Date(), '$', /an object \(Date\) was given/],
      ['text', '$', /"text" was given/],
    ];
    for (const [value, path, reason] of cases) {
      assert.throws(() => Task.encode(value), refusal(path, reason));
      assert.throws(() => Task.check(value), refusal(path, reason));
      assert.throws(() => Task.encodeInto(value, new Uint8Array(500)), refusal(path, reason));
      assert.equal(Task.is(value), false);
    }
    assert.equal(Task.check(largest), largest);
    assert.equal(Task.is(smallest), true);
  });

  it('is what a detached array would be', () => {
    const image = new Uint8Array(5);
    structuredClone(image.buffer, { transfer: [image.buffer] });
    assert.throws(() => Task.encode({ ...smallest, image }), refusal('$.image', /detached/));
    assert.equal(Task.is({ ...smallest, image }), false);
  });

  it('leaves the error of a getter as it is', () => {
    const boom = new Error('boom');
    const throwing = {
      get id() {
        throw boom;
      },
    };
    assert.throws(
      () => Agent.encode(throwing),
      (error) => error === boom,
    );
    assertSame(roundTrip(Agent, { id: 'fine' }), { id: 'fine' });
  });
});

describe('extra properties', () => {
  const specs = { id: { tag: 1, type: 'string', optional: true } };
  const Loose = defineMessage('test.loose', specs, { extra: 'keep' });

  it('travel and come back, whatever their names', () => {
    const value = { id: 'a', more: { deep: [1n] }, undef: undefined, 0: 'zero', '': 'empty', constructor: 'x' };
    Object.defineProperty(value, '__proto__', { value: { polluted: true }, enumerable: true });
    const back = roundTrip(Loose, value);
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
    assert.deepEqual(Object.getOwnPropertyDescriptor(back, '__proto__').value, { polluted: true });
    assert.equal(back.polluted, undefined);
    assert.deepEqual(Object.keys(back).sort(), Object.keys(value).sort());
    for (const key of Object.keys(value)) if (key !== '__proto__') assertSame(back[key], value[key], key);
    assertSame(roundTrip(Loose, { only: 1 }), { only: 1 });
  });

  it('that cannot be sent are refused by name', () => {
    assert.throws(() => Loose.encode({ id: 'a', f() {} }), refusal('$.f', /is a function/));
    const deep = (levels) => (levels === 0 ? 1 : [deep(levels - 1)]);
    Loose.validate(Loose.encode({ more: deep(126) }));
    assert.throws(() => Loose.encode({ more: deep(127) }), { code: 'ERR_AGENTWIRE_TOO_DEEP' });
  });

  it('of a prototype are none', () => {
    assertSame(roundTrip(Agent, Object.assign(Object.create({ inherited: 1 }), { id: 'a' })), { id: 'a' });
    assertSame(roundTrip(Agent, { id: 'a', more: undefined }), { id: 'a' });
  });
});

describe('names that every object has', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
  const specs = {};
  for (const [index, name] of names.entries()) {
    const value = { tag: index + 1, type: 'any', optional: true };
    Object.defineProperty(specs, name, { value, enumerable: true });
  }
  const Odd = defineMessage('test.odd', specs);

  it('are names of fields like any other', () => {
    assertSame(roundTrip(Odd, {}), {});
    for (const name of names) {
      const value = {};
      Object.defineProperty(value, name, { value: { polluted: name }, enumerable: true });
      assertSame(roundTrip(Odd, value), value);
    }
    const all = {};
    for (const name of names) Object.defineProperty(all, name, { value: { polluted: name }, enumerable: true });
    const back = roundTrip(Odd, all);
    assertSame(back, all);
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
    assert.equal({}.polluted, undefined);
  });
});

describe('messages of agents', () => {
  const cases = [
    [TaskAssignmentMessage, { taskId: 't', agentId: 'a', taskType: 'build', priority: 'high', payload: { a: [1] } }],
    [
      TaskAssignmentMessage,
      { taskId: 't', priority: 2, dependencies: ['s'], timestamp: 1_700_000_000_000, deadline: 5n },
    ],
    [
      TaskResultMessage,
      { taskId: 't', status: 'completed', result: null, error: { message: 'x' }, timestamp: 9n, duration: 1.5 },
    ],
    [
      CoordinationMessage,
      { coordinationType: 'sync', sourceAgent: 'a', targetAgents: ['b', 'c'], action: 'go', data: [1] },
    ],
    [
      HeartbeatMessage,
      { agentId: 'a', timestamp: 1_700_000_000_000_000_000n, status: 'idle', load: 0.5, cpuUsage: 1, activeTasks: 3 },
    ],
    [HeartbeatMessage, { agentId: 'a', memoryUsage: { rss: 1 }, metrics: { cpu: [1, 2] } }],
  ];

  it('take what is there, and keep what is more', () => {
    for (const [definition, value] of cases) {
      assertSame(roundTrip(definition, value), value, definition.name);
      assertSame(roundTrip(definition, {}), {}, definition.name);
      const more = { ...value, custom: { deep: new Date(5) }, other: [1n] };
      assertSame(roundTrip(definition, more), more, definition.name);
    }
  });

  it('are smaller than JSON', () => {
    for (const [definition, value] of cases) {
      const json = JSON.stringify(value, (_key, each) => (typeof each === 'bigint' ? Number(each) : each));
      assert.ok(definition.encode(value).length < 0.8 * json.length, definition.name);
    }
  });
});

describe('an EncodedMessage', () => {
  it('is a message for who does not know the definition, in any value', () => {
    const wrapped = Task.wrap(smallest);
    assert.ok(wrapped instanceof EncodedMessage);
    assert.deepEqual([wrapped.fingerprint, wrapped.version], [Task.fingerprint, 2]);
    assert.equal(wrapped.fields.get(1), 't-1');
    const Any = defineMessage('test.any', { value: { tag: 1, type: 'any' } });
    assertSame(Task.unwrap(roundTrip(Any, { value: [wrapped] }).value[0]), smallest);
  });

  it('is refused when it is malformed', () => {
    const good = new Map([[1, 'x']]);
    for (const [part, ...given] of [
      ['fingerprint', -1, 1, good],
      ['fingerprint', 2 ** 32, 1, good],
      ['version', 1, 0, good],
      ['fields', 1, 1, {}],
      ['a key of fields', 1, 1, new Map([[0, 1]])],
      ['a key of fields', 1, 1, new Map([['1', 1]])],
    ]) {
      assert.throws(() => new EncodedMessage(...given), {
        name: AgentwireArgumentError.name,
        message: new RegExp(`^${part}`),
      });
    }
    const changed = new EncodedMessage(1, 1, new Map());
    changed.fields.set('x', 1);
    assert.throws(
      () => Task.encode({ ...smallest, payload: changed }),
      refusal('$.payload', /malformed EncodedMessage/),
    );
    const unsendable = new EncodedMessage(1, 1, new Map([[3, () => {}]]));
    assert.throws(
      () => Task.encode({ ...smallest, payload: [unsendable] }),
      refusal('$.payload[0].fields.get(3)', /function/),
    );
    assert.throws(() => Task.unwrap(Agent.wrap({ id: 'a' })), AgentwireDecodeError);
  });
});

describe('a definition', () => {
  it('tells what it is', () => {
    assert.deepEqual([Task.name, Task.version, Task.fingerprint], ['test.task', 2, 0x93b53895]);
    assert.equal(defineMessage('täsk ☂', {}).fingerprint, 0xdfa54103);
    assert.deepEqual(Object.keys(Task.fields), Object.keys(fields));
    assert.deepEqual(Task.fields.attempt, { tag: 8, type: 'integer', default: 1 });
    assert.ok(Object.isFrozen(Task) && Object.isFrozen(Task.fields) && Object.isFrozen(Task.fields.state.type));
    const members = ['a'];
    const spec = { tag: 1, type: members };
    const Fixed = defineMessage('test.fixed', { one: spec });
    members.push('b');
    spec.tag = 2;
    assert.throws(() => Fixed.encode({ one: 'b' }), AgentwireValueError);
    assert.equal(Fixed.wrap({ one: 'a' }).fields.get(1), 'a');
  });

  it('that cannot be is refused by name', () => {
    const id = { tag: 1, type: 'string' };
    const bad = (specs, reason, field = 'id') => {
      const isRight = (error) => {
        assert.ok(error instanceof AgentwireDefinitionError, String(error));
        assert.deepEqual([error.code, error.definition, error.field], ['ERR_AGENTWIRE_DEFINITION', 'test.bad', field]);
        assert.match(error.message, reason);
        return true;
      };
      assert.throws(() => defineMessage('test.bad', specs, { reserved: [9] }), isRight);
    };
    for (const tag of [0, -1, 1.5, 2_097_151, '1', undefined])
      bad({ id: { tag, type: 'string' } }, /its tag must be an integer from 1/);
    for (const type of ['text', 'enum', 'message', 'toString', undefined, 5, {}])
      bad({ id: { tag: 1, type } }, /its type must be one of string/);
    bad({ id, twin: id }, /the tag 1 is that of the field "id"/, 'twin');
    bad({ id: { tag: 9, type: 'string' } }, /the tag 9 is reserved/);
    bad({ id: 'string' }, /a field is an object/);
    bad({ id: null }, /a field is an object/);
    bad({ id: { ...id, required: true } }, /the option "required" is not known/);
    bad({ id: { ...id, optional: 1 } }, /optional must be true or false; 1/);
    bad({ id: { ...id, open: true } }, /open is for enums only/);
    bad({ id: { ...id, default: 5 } }, /its default must be a string; 5/);
    bad({ id: { ...id, default: 'x', repeated: true } }, /no default/);
    bad({ id: { tag: 1, type: 'date', default: new Date() } }, /the type date has no default/);
    bad({ id: { tag: 1, type: Agent, default: { id: 'a' } } }, /the type message has no default/);
    bad({ id: { tag: 1, type: ['a'], default: 'b' } }, /its default must be "a"; "b"/);
    bad({ id: { tag: 1, type: [] } }, /at least one member/);
    bad({ id: { tag: 1, type: ['a', 5] } }, /are strings; 5/);
    bad({ id: { tag: 1, type: ['a', 'b', 'a'] } }, /"a" stands twice/);
    // Nothing of them is remembered.
    defineMessage('test.bad', { other: { tag: 1, type: 'date' } });
    const Late = defineMessage('test.late', { inner: { tag: 1, type: () => 'no definition' } });
    assert.throws(() => Late.encode({ inner: {} }), { code: 'ERR_AGENTWIRE_DEFINITION', field: 'inner' });
    assert.throws(() => Late.is({}), { code: 'ERR_AGENTWIRE_DEFINITION', field: 'inner' });
  });

  it('with wrong arguments is refused', () => {
    for (const name of ['', 5, undefined, '\ud800', 'x'.repeat(257)]) {
      assert.throws(() => defineMessage(name, {}), AgentwireArgumentError);
    }
    for (const given of [undefined, null, [], 'id'])
      assert.throws(() => defineMessage('test.none', given), AgentwireArgumentError);
    for (const options of [
      { version: 0 },
      { version: 1.5 },
      { version: 2 ** 32 },
      { version: '1' },
      { reserved: 3 },
      { reserved: [0] },
      { extra: true },
      { previous: {} },
      null,
    ]) {
      assert.throws(() => defineMessage('test.none', {}, options), AgentwireArgumentError);
    }
    assert.throws(() => defineMessage('test.none', {}, { strict: true }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    assertSame(roundTrip(defineMessage('test.none', {}), {}), {});
  });

  it('whose name has the CRC-32 of another one is refused', () => {
    // A well-known pair.
    defineMessage('plumless', {});
    assert.throws(() => defineMessage('buckeroo', {}), {
      code: 'ERR_AGENTWIRE_DEFINITION',
      message: /that of "plumless" too/,
    });
  });
});

it('all of it is the same where no code may be generated', { skip: process.execArgv.includes(flag) }, async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { code, stdout, stderr } = await runNode([flag, __filename], { env, cwd: __dirname });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /pass \d\d/);
});
