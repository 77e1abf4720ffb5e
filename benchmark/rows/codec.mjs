// Row 12: messages to bytes and back, beside what else does that; and the same for other documents that agents send.
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import v8 from 'node:v8';
import { timeBeside } from '../clock.mjs';
import { makeDocuments } from '../documents.mjs';
import { nanoseconds, table } from '../stats.mjs';

const require = createRequire(import.meta.url);
const { MessageType, OptimizedMessageSerializer, codec } = require('../../index.js');
const avsc = require('avsc');
const cbor = require('cbor-x');
const { Packr } = require('msgpackr');

const HEADER_BYTES = 24;
/** Room for the largest document. */
const TARGET_BYTES = 2 << 20;

/** The ways of one document: `{encode(value) -> bytes written, decode(bytes), toBytes(value)}` by name. */
function makeWays(values) {
  const ways = {
    agentwire: serializer({ tables: false }),
    'agentwire, form of the bus': serializer({ tables: true }),
    'agentwire codec (no header)': {
      encode: (value) => codec.encode(value).length,
      decode: codec.decode,
      toBytes: codec.encode,
    },
    JSON: { encode: (value) => JSON.stringify(value).length, decode: JSON.parse, toBytes: JSON.stringify },
    'msgpackr, shared records': packer(new Packr({ structures: [] })),
    'cbor-x, shared records': packer(new cbor.Encoder({ structures: [] })),
    'v8.serialize': packer({ encode: v8.serialize, decode: v8.deserialize }),
  };
  const type = schemaOf(values);
  if (type !== null) {
    const memory = Buffer.alloc(TARGET_BYTES);
    ways['avsc, schema by example'] = {
      encode: (value) => type.encode(value, memory, 0),
      decode: (bytes) => type.fromBuffer(bytes),
      toBytes: (value) => Buffer.from(type.toBuffer(value)),
    };
  }
  return ways;
}

function serializer(options) {
  const one = new OptimizedMessageSerializer(options);
  const memory = new Uint8Array(TARGET_BYTES);
  return {
    encode: (value) => one.serializeInto(memory, 0, MessageType.TASK_ASSIGNMENT, value),
    decode: (bytes) => one.deserialize(bytes).payload,
    toBytes: (value) => new Uint8Array(one.serialize(MessageType.TASK_ASSIGNMENT, value)),
  };
}

function packer(one) {
  return {
    encode: (value) => one.encode(value).length,
    decode: (bytes) => one.decode(bytes),
    toBytes: (value) => Buffer.from(one.encode(value)),
  };
}

/** avsc needs a schema; it makes one from a value where that is a record of fixed fields, with floats that lose what a double has. */
function schemaOf(values) {
  try {
    const schema = JSON.stringify(avsc.Type.forValue(values[1]).schema()).replaceAll('"float"', '"double"');
    const type = avsc.Type.forSchema(JSON.parse(schema));
    return values.every((value) => type.isValid(value)) ? type : null;
  } catch {
    return null;
  }
}

/** Every way's figures for one document: `{encode, decode}` in ns and `bytes`. */
async function measure({ name: document, values, repeats }, run) {
  const ways = makeWays(values);
  const loops = {};
  const bytes = {};
  for (const [name, way] of Object.entries(ways)) {
    // What is learnt from values (shapes, records) is learnt before the clock runs, by each way.
    for (let round = 0; round < 4; round++) for (const value of values) way.encode(value);
    const encoded = values.map(way.toBytes);
    bytes[name] = encoded[0].length;
    const { encode, decode } = way;
    loops[`${name}: encode`] = (count) => {
      let sum = 0;
      for (let index = 0; index < count; index++) sum += encode(values[index % values.length]);
      if (!(sum > 0)) throw new Error(`${name} encoded nothing`);
    };
    loops[`${name}: decode`] = (count) => {
      let last;
      for (let index = 0; index < count; index++) last = decode(encoded[index % encoded.length]);
      // avsc makes instances of classes, with their fields in an order of its own.
      if (!isDeepStrictEqual(JSON.parse(JSON.stringify(last)), values[(count - 1) % values.length])) {
        throw new Error(`${name} decoded something else`);
      }
    };
  }
  const amount = { repeats: Math.ceil(repeats / run.pick(8, 4, 1)), rounds: run.pick(3, 5, 9) };
  const times = await timeBeside(run, `row 12, ${document}`, loops, amount);
  return Object.fromEntries(
    Object.keys(ways).map((name) => [
      name,
      { encode: times[`${name}: encode`], decode: times[`${name}: decode`], bytes: bytes[name] },
    ]),
  );
}

export async function codecs(run) {
  const all = [];
  for (const document of makeDocuments()) {
    const figures = await measure(document, run);
    all.push({ name: document.name, figures });
    const rows = Object.entries(figures).map(([name, { encode, decode, bytes }]) => [
      name,
      nanoseconds(encode),
      nanoseconds(decode),
      bytes.toLocaleString('en'),
    ]);
    run.say(`\n${table([[`row 12: ${document.name}`, 'encode', 'decode', 'bytes'], ...rows])}\n`);
  }
  run.keep('codecs', all);
  return judge(all[0].figures);
}

function judge(message) {
  const own = message.agentwire;
  const bus = message['agentwire, form of the bus'];
  const json = message.JSON;
  const peer = message['msgpackr, shared records'];
  const both = (figures) => figures.encode + figures.decode;
  const ratio = both(own) / both(json);
  const smaller = own.bytes / json.bytes;
  const ratios = { encode: bus.encode / peer.encode, decode: bus.decode / peer.decode };
  const beside = bus.bytes - HEADER_BYTES;
  return [
    {
      row: '12',
      work: 'the message: serializeInto + deserialize, self-contained',
      figure: `${nanoseconds(own.encode)} + ${nanoseconds(own.decode)}`,
      peer: `JSON ${nanoseconds(json.encode)} + ${nanoseconds(json.decode)}`,
      ratio: `${ratio.toFixed(2)} x`,
      must: { text: "< 10 us, 0.6 x JSON's", ok: own.encode < 10_000 && own.decode < 10_000 && ratio <= 0.6 },
      aim: null,
    },
    {
      row: '12',
      work: 'its bytes, header included',
      figure: `${own.bytes} B`,
      peer: `JSON ${json.bytes} B`,
      ratio: `${smaller.toFixed(2)} x`,
      must: { text: '40 % smaller', ok: smaller <= 0.6 },
      aim: null,
    },
    {
      row: '12',
      work: 'the message: serializeInto / deserialize, form of the bus',
      figure: `${nanoseconds(bus.encode)} / ${nanoseconds(bus.decode)}`,
      peer: `msgpackr ${nanoseconds(peer.encode)} / ${nanoseconds(peer.decode)}`,
      ratio: `${ratios.encode.toFixed(2)} / ${ratios.decode.toFixed(2)} x`,
      must: null,
      aim: { text: '0.5 x each', ok: ratios.encode <= 0.5 && ratios.decode <= 0.5 },
    },
    {
      row: '12',
      work: 'its bytes beside the header',
      figure: `${beside} B`,
      peer: `msgpackr ${peer.bytes} B`,
      ratio: `${(beside / peer.bytes).toFixed(2)} x`,
      must: null,
      aim: { text: 'smaller', ok: beside < peer.bytes },
    },
  ];
}
