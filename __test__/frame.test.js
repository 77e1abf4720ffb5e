'use strict';

// Messages as bytes, looked at by both sides: every flag and reserved bit, and any bytes at all. TypeScript and Rust open the same
// messages and refuse the others for the same reason. AGENTWIRE_FUZZ_RUNS=N runs N cases of each property instead of some thousands.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const zlib = require('node:zlib');
const fc = require('fast-check');
const {
  AgentwireArgumentError,
  AgentwireDecodeError,
  AgentwireError,
  BatchMessageSerializer,
  CompressionType,
  OptimizedMessageSerializer,
} = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { runNode } = require('./helpers.js');

const dist = path.join(__dirname, '..', 'dist');
const { native } = require(path.join(dist, 'native.js'));
const { crc32, openFrame } = require(path.join(dist, 'codec', 'frame.js'));

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 5000;
const HEADER_BYTES = 24;
const FLAG = { ZSTD: 1, LZ4: 2, SNAPPY: 3, CHECKSUM: 4, TABLES: 8, BATCH: 16 };
const DEFAULT_LIMIT = 64 * 1024 * 1024;
/** For random bytes, whose claims would otherwise take their time. */
const LIMIT = 1024 * 1024;

const rows = Array.from({ length: 40 }, (_, index) => ({ agent: 'agent-7', text: 'the same text', index }));
const configurations = [];
for (const compression of [CompressionType.NONE, CompressionType.ZSTD, CompressionType.LZ4]) {
  for (const checksum of [false, true]) {
    for (const tables of [false, true]) configurations.push({ compression, checksum, tables, compressionThreshold: 0 });
  }
}

/** Messages and batches of every form, as bytes. */
function makeMessages() {
  return configurations.flatMap((options) => {
    const serializer = new OptimizedMessageSerializer(options);
    for (let time = 0; time < 5; time += 1) serializer.serialize(2, rows);
    const batch = new BatchMessageSerializer(options);
    for (const row of rows) batch.addMessage(2, row, 5n);
    const buffers = [serializer.serialize(2, rows, 77n), serializer.serialize(1, 'x'), batch.flush()];
    return buffers.map((buffer) => new Uint8Array(buffer));
  });
}
const messages = makeMessages();

/** A message of this payload, which is all that stands behind its header. */
function frame(flags, payload) {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  bytes.set([0xcf, 1, 3, flags]);
  new DataView(bytes.buffer).setUint32(4, payload.length, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** With the checksum that its bytes have. */
function resealed(bytes) {
  const copy = bytes.slice();
  const end = HEADER_BYTES + new DataView(copy.buffer).getUint32(4, true) - 4;
  if (end >= HEADER_BYTES && end + 4 <= copy.length) {
    new DataView(copy.buffer).setUint32(end, crc32(copy, 0, end), true);
  }
  return copy;
}

function varint(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}

function inTypeScript(bytes, maxPayloadBytes) {
  try {
    return { opened: openFrame(bytes, { maxPayloadBytes }) };
  } catch (error) {
    if (!(error instanceof AgentwireError)) throw error;
    if (error.code === 'ERR_AGENTWIRE_UNDECODABLE') {
      assert.ok(error instanceof AgentwireDecodeError);
      assert.ok(error.offset >= 0 && error.offset <= bytes.length, `offset ${error.offset} of ${bytes.length}`);
    }
    return { code: error.code };
  }
}

function inRust(bytes, maxPayloadBytes) {
  try {
    return { opened: native.openFrame(bytes, maxPayloadBytes) };
  } catch (error) {
    assert.match(error.message, /expected .*found|found .*expected/s);
    return { code: error.code };
  }
}

const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** The code of the error that both sides have, or undefined where both open the message, and its value is the same. */
function agreement(bytes, limit = LIMIT) {
  const ts = inTypeScript(bytes, limit);
  const rust = inRust(bytes, limit);
  if (ts.code !== rust.code) assert.fail(`TypeScript: ${ts.code}; Rust: ${rust.code}; the bytes: ${hex(bytes)}`);
  if (ts.opened === undefined) return ts.code;
  const { header, body, isBatch, usesTables } = ts.opened;
  assert.deepEqual(
    [header.type, header.flags, header.payloadLength, isBatch, usesTables, hex(body)],
    [
      rust.opened.kind,
      rust.opened.flags,
      rust.opened.payloadLength,
      rust.opened.isBatch,
      rust.opened.usesTables,
      hex(rust.opened.body),
    ],
  );
  return undefined;
}

/** What the serializer says of bytes: undefined or the code of its error; and Rust agrees that there is a value or none. */
const serializer = new OptimizedMessageSerializer({ maxPayloadBytes: LIMIT });
function read(bytes) {
  let code;
  try {
    if ((bytes[3] & FLAG.BATCH) === 0) serializer.deserialize(bytes);
    else serializer.deserializeBatch(bytes);
  } catch (error) {
    if (!(error instanceof AgentwireError)) throw error;
    code = error.code;
  }
  let rustCode;
  try {
    native.validateFrame(bytes, LIMIT);
  } catch (error) {
    rustCode = error.code;
  }
  // Rust looks at the value of a batch as at any other. It knows the kind of binary that older runtimes do not have.
  const isForgiven = code === 'ERR_AGENTWIRE_UNDECODABLE' && rustCode === undefined;
  if (code !== rustCode && !(isForgiven && ((bytes[3] & FLAG.BATCH) !== 0 || typeof Float16Array === 'undefined'))) {
    assert.fail(`TypeScript: ${code}; Rust: ${rustCode}; the bytes: ${hex(bytes)}`);
  }
  return code;
}

describe('a message', () => {
  it('of every form is opened by both', () => {
    for (const bytes of messages) {
      assert.equal(agreement(bytes, DEFAULT_LIMIT), undefined);
      assert.equal(read(bytes), undefined);
      native.validateFrame(bytes, DEFAULT_LIMIT);
      const behind = new Uint8Array(bytes.length + 100).fill(0xff);
      behind.set(bytes);
      assert.equal(agreement(behind), undefined);
    }
  });

  it('is opened where it lies: only what is compressed or shared is copied', () => {
    const { buffer } = frame(0, [5]);
    assert.equal(openFrame(new Uint8Array(buffer)).body.buffer, buffer);
    for (const bytes of messages) {
      const memory = new Uint8Array(new SharedArrayBuffer(bytes.length + 20));
      memory.set(bytes, 10);
      const { body } = openFrame(memory.subarray(10));
      assert.ok(body.buffer instanceof ArrayBuffer);
      assert.deepEqual(Buffer.from(body), Buffer.from(openFrame(bytes).body));
    }
  });

  it('of a standard zstd frame and of a standard LZ4 block is read', () => {
    // A string of 40 times 'a', as the commands zstd and lz4 compress its encoding.
    const zstd = Buffer.from('28b52ffd242a4d000018cc286101004a300414e04314', 'hex');
    const lz4 = Buffer.from('3fcc286101000f506161616161', 'hex');
    const value = 'a'.repeat(40);
    for (const [flags, compressed] of [
      [FLAG.ZSTD, zstd],
      [FLAG.LZ4, lz4],
    ]) {
      assert.equal(serializer.deserialize(frame(flags, [42, ...compressed])).payload, value);
      native.validateFrame(frame(flags, [42, ...compressed]), LIMIT);
    }
    // Newer versions of Node.js have zstd themselves.
    if (zlib.zstdDecompressSync === undefined) return;
    const bytes = new Uint8Array(new OptimizedMessageSerializer({ compression: 1 }).serialize(1, 'b'.repeat(5000)));
    assert.equal(zlib.zstdDecompressSync(bytes.subarray(26)).subarray(3).toString(), 'b'.repeat(5000));
  });

  it('has the checksum that everybody computes', () => {
    const bytes = Buffer.from('123456789');
    assert.equal(crc32(bytes, 0, 9), 0xcbf43926);
    assert.equal(crc32(Buffer.from('xx123456789yy'), 2, 11), 0xcbf43926);
    assert.equal(crc32(bytes, 4, 4), 0);
    for (const wrong of [
      [bytes, 0, 10],
      [bytes, 5, 4],
      [bytes, 0],
      ['text', 0, 1],
      [bytes.buffer, 0, 1],
    ]) {
      assert.throws(() => crc32(...wrong), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    }
  });
});

describe('flags', () => {
  it('that are reserved are refused, whatever the others are', () => {
    for (let flags = 0; flags < 256; flags += 1) {
      const bytes = frame(flags, new Uint8Array(40));
      const code = agreement(flags & FLAG.CHECKSUM ? resealed(bytes) : bytes);
      const compression = flags & 3;
      if (flags >= 32) assert.equal(code, 'ERR_AGENTWIRE_UNDECODABLE', `flags ${flags}`);
      else if (compression === FLAG.SNAPPY) assert.equal(code, 'ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION');
      else if (flags & FLAG.TABLES) assert.equal(code, 'ERR_AGENTWIRE_FOREIGN_TABLES');
      else assert.equal(code, compression === 0 ? undefined : 'ERR_AGENTWIRE_UNDECODABLE', `flags ${flags}`);
    }
  });

  it('of tables want the epoch of this process', () => {
    const [low, high] = native.tablesEpoch();
    assert.deepEqual(native.tablesEpoch(), [low, high]);
    const payload = new Uint8Array(9);
    new DataView(payload.buffer).setUint32(0, low, true);
    new DataView(payload.buffer).setUint32(4, high, true);
    payload[8] = 5;
    assert.equal(agreement(frame(FLAG.TABLES, payload)), undefined);
    assert.equal(serializer.deserialize(frame(FLAG.TABLES, payload)).payload, 5);
    for (let bit = 0; bit < 64; bit += 1) {
      const foreign = payload.slice();
      foreign[bit >> 3] ^= 1 << (bit & 7);
      assert.equal(agreement(frame(FLAG.TABLES, foreign)), 'ERR_AGENTWIRE_FOREIGN_TABLES');
      assert.equal(read(frame(FLAG.TABLES, foreign)), 'ERR_AGENTWIRE_FOREIGN_TABLES');
    }
    for (let length = 0; length < 8; length += 1) {
      assert.equal(agreement(frame(FLAG.TABLES, payload.subarray(0, length))), 'ERR_AGENTWIRE_UNDECODABLE');
    }
  });

  it('of tables differ from process to process', async () => {
    const program = `console.log(JSON.stringify(require(${JSON.stringify(path.join(dist, 'native.js'))}).native.tablesEpoch()))`;
    const epochs = await Promise.all([0, 1].map(() => runNode(['-e', program])));
    assert.notEqual(epochs[0].stdout, epochs[1].stdout);
    assert.notDeepEqual(JSON.parse(epochs[0].stdout), native.tablesEpoch());
  });

  it('without tables make ids an error', () => {
    for (const value of [
      [0xd3, 1],
      [0xd4, 1],
      [0xa1, 0xd4, 1],
    ]) {
      assert.equal(agreement(frame(0, value)), undefined);
      assert.equal(read(frame(0, value)), 'ERR_AGENTWIRE_UNDECODABLE');
    }
  });
});

describe('bytes', () => {
  it('cut anywhere are no message', () => {
    for (const bytes of messages) {
      for (let length = 0; length < bytes.length; length += 1) {
        const code = agreement(bytes.subarray(0, length));
        assert.equal(code, 'ERR_AGENTWIRE_UNDECODABLE', `${length} of ${bytes.length}`);
        assert.equal(read(bytes.subarray(0, length)), 'ERR_AGENTWIRE_UNDECODABLE');
      }
    }
  });

  it('with a checksum and a bit flipped are no message, whichever bit it is', () => {
    for (const bytes of messages) {
      if ((bytes[3] & FLAG.CHECKSUM) === 0) continue;
      for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
        const flipped = bytes.slice();
        flipped[bit >> 3] ^= 1 << (bit & 7);
        const code = read(flipped);
        assert.notEqual(code, undefined, `bit ${bit}`);
        if (bit >= 8 * 8) assert.equal(code, 'ERR_AGENTWIRE_CHECKSUM', `bit ${bit}`);
      }
    }
  });

  it('at random are a message for both sides or for none', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      agreement(bytes);
      read(bytes);
    });
    fc.assert(property, { numRuns: runs });
  });

  it('at random behind a header are a message for both sides or for none', () => {
    let opened = 0;
    const property = fc.property(
      fc.integer({ min: 0, max: 31 }),
      fc.uint8Array({ maxLength: 80 }),
      fc.integer({ min: -3, max: 3 }),
      (flags, payload, off) => {
        let bytes = frame(flags, payload);
        new DataView(bytes.buffer).setUint32(4, Math.max(0, payload.length + (off === 3 ? 0 : Math.min(off, 1))), true);
        if (flags & FLAG.CHECKSUM) bytes = resealed(bytes);
        if (agreement(bytes) === undefined) opened += 1;
        read(bytes);
      },
    );
    fc.assert(property, { numRuns: runs });
    assert.ok(opened > 0);
  });

  it('of messages with a few changes are a message for both sides or for none', () => {
    // Not fc.double, most of whose numbers between 0 and 1 are next to 0.
    const position = fc.integer({ min: 0, max: 0xffff }).map((part) => part / 0x1_0000);
    const change = fc.record({
      kind: fc.constantFrom('set', 'flip', 'flip', 'flip', 'insert', 'delete', 'cut'),
      at: position,
      byte: fc.integer({ min: 0, max: 255 }),
      isNear: fc.boolean(),
    });
    const codes = new Map();
    const property = fc.property(
      fc.constantFrom(...messages),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (message, changes, isResealed) => {
        const mutated = [...message];
        for (const { kind, at, byte, isNear } of changes) {
          // Where the header and the lengths are, more often than elsewhere.
          const index = Math.floor(at * (isNear ? Math.min(48, mutated.length) : mutated.length));
          if (kind === 'set') mutated[index] = byte;
          else if (kind === 'flip') mutated[index] ^= 1 << (byte & 7);
          else if (kind === 'insert') mutated.splice(index, 0, byte);
          else if (kind === 'delete') mutated.splice(index, 1);
          else mutated.length = index;
        }
        let bytes = Uint8Array.from(mutated);
        // So that what is behind the checksum is looked at too.
        if (isResealed && bytes.length > HEADER_BYTES && bytes[3] & FLAG.CHECKSUM) bytes = resealed(bytes);
        const code = agreement(bytes);
        codes.set(code, (codes.get(code) ?? 0) + 1);
        read(bytes);
      },
    );
    fc.assert(property, { numRuns: 2 * runs });
    for (const code of [
      undefined,
      'ERR_AGENTWIRE_UNDECODABLE',
      'ERR_AGENTWIRE_CHECKSUM',
      'ERR_AGENTWIRE_FOREIGN_TABLES',
    ]) {
      assert.ok(codes.get(code) > 0, `${code} never came: ${[...codes]}`);
    }
  });
});

describe('a bomb', () => {
  const most = varint(2 ** 32 - 1);

  it('that claims 4 GiB is refused before anything is allocated', () => {
    for (const flags of [FLAG.ZSTD, FLAG.LZ4]) {
      const bytes = frame(flags, [...most, ...new Uint8Array(25)]);
      assert.equal(agreement(bytes), 'ERR_AGENTWIRE_TOO_LARGE');
      assert.equal(agreement(bytes, DEFAULT_LIMIT), 'ERR_AGENTWIRE_TOO_LARGE');
      assert.equal(read(bytes), 'ERR_AGENTWIRE_TOO_LARGE');
      const before = process.memoryUsage();
      for (let time = 0; time < 1000; time += 1) {
        // Within the limit, and more than so few bytes can become.
        const claim = frame(flags, [...varint(DEFAULT_LIMIT), ...new Uint8Array(26)]);
        assert.equal(inTypeScript(claim, DEFAULT_LIMIT).code, 'ERR_AGENTWIRE_UNDECODABLE');
        assert.equal(inTypeScript(bytes, 2 ** 31 - 1).code, 'ERR_AGENTWIRE_TOO_LARGE');
      }
      const after = process.memoryUsage();
      assert.ok(after.arrayBuffers - before.arrayBuffers < 32 * 1024 * 1024);
      assert.ok(after.rss - before.rss < 64 * 1024 * 1024, `${after.rss - before.rss} bytes`);
    }
  });

  it('that expands to another length than it claims is refused', () => {
    const value = 'z'.repeat(200_000);
    for (const compression of [FLAG.ZSTD, FLAG.LZ4]) {
      const bytes = new Uint8Array(new OptimizedMessageSerializer({ compression }).serialize(1, value));
      const rawLength = 200_000 + 4;
      const head = varint(rawLength).length;
      const compressed = bytes.subarray(HEADER_BYTES + head);
      assert.equal(read(frame(compression, [...varint(rawLength), ...compressed])), undefined);
      for (const claim of [0, 1, 100, rawLength - 1, rawLength + 1, 2 * rawLength, LIMIT]) {
        const bomb = frame(compression, [...varint(claim), ...compressed]);
        assert.equal(agreement(bomb), 'ERR_AGENTWIRE_UNDECODABLE', `claims ${claim}`);
        assert.equal(read(bomb), 'ERR_AGENTWIRE_UNDECODABLE');
      }
      for (const limit of [rawLength - 1, 1]) {
        assert.equal(
          agreement(frame(compression, [...varint(rawLength), ...compressed]), limit),
          'ERR_AGENTWIRE_TOO_LARGE',
        );
      }
      // Two in a row, and one with something behind it.
      assert.notEqual(read(frame(compression, [...varint(rawLength), ...compressed, ...compressed])), undefined);
      assert.notEqual(read(frame(compression, [...varint(rawLength), ...compressed, 1])), undefined);
    }
  });

  it('whose length is no varint is refused', () => {
    for (const flags of [FLAG.ZSTD, FLAG.LZ4]) {
      for (const length of [
        [],
        [0x80],
        [0x80, 0x00],
        [0xff, 0xff, 0xff, 0xff, 0x1f],
        [...Array(9).fill(0xff), 1],
        [...most.slice(0, 4), 0x8f, 0],
      ]) {
        const bytes = frame(flags, length);
        assert.equal(agreement(bytes), 'ERR_AGENTWIRE_UNDECODABLE', hex(length));
        assert.equal(read(bytes), 'ERR_AGENTWIRE_UNDECODABLE', hex(length));
      }
    }
  });
});

describe('openFrame', () => {
  it('refuses what is no Uint8Array and no limit', () => {
    for (const bytes of [undefined, null, 'text', [0xcf], new ArrayBuffer(30)]) {
      assert.throws(() => openFrame(bytes), AgentwireArgumentError);
    }
    const bytes = messages[0];
    for (const limits of [null, 5, { maxPayloadBytes: 0 }, { maxPayloadBytes: '5' }]) {
      assert.throws(() => openFrame(bytes, limits), AgentwireArgumentError);
    }
    assert.throws(() => openFrame(bytes, { limit: 5 }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
  });

  it('says what was found, what was expected and what to do', () => {
    const plain = frame(0, [5]);
    const change = (at, value) => Object.assign(plain.slice(), { [at]: value });
    const said = [
      [change(0, 0x7b), /begins with 0xcf, and this is 0x7b/],
      [change(1, 2), /version 2, .*version 1; use the one that wrote it/],
      [change(3, 0x40), /flags 0x40, .*0x40; use the one that wrote it/],
      [change(3, 3), /Snappy.*LZ4/],
      [change(4, 9), /takes 9 bytes, and 1 are there; give all the bytes/],
      [plain.subarray(0, 10), /takes 24 bytes, and 10 are there; give all/],
      [
        frame(FLAG.CHECKSUM, [5, 1, 2, 3, 4]),
        /carries the checksum 0x04030201, .*changed on their way; have it sent again/,
      ],
      [frame(FLAG.TABLES, [1, 0, 0, 0, 2, 0, 0, 0, 5]), /another process, .*0x0000000200000001, .*\{tables: false\}/],
    ];
    for (const [bytes, message] of said) assert.throws(() => openFrame(bytes), message);
    assert.throws(
      () => openFrame(messages[0], { maxPayloadBytes: 5 }),
      /takes [\d,]+ bytes, .*up to 5; .*raise maxPayloadBytes/,
    );
    assertSame(serializer.deserialize(plain).payload, 5);
  });
});
