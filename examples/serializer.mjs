// Messages as bytes, for files, sockets and brokers: one by one, in batches, compressed, and into memory of one's own. Run: node examples/serializer.mjs
import { BatchMessageSerializer, CompressionType, MessageType, OptimizedMessageSerializer } from 'agentwire';

const serializer = new OptimizedMessageSerializer({ checksum: true });
const task = {
  taskId: 'task-42',
  agent: 'planner',
  deadline: new Date(Date.now() + 60_000),
  budget: 10n ** 20n, // JSON would throw
  needs: new Set(['search', 'summarise']),
  vector: new Float32Array([0.25, 0.5, 0.75]),
};

// One message: any process can read it.
const buffer = serializer.serialize(MessageType.TASK_ASSIGNMENT, task, 7n);
const { header, payload } = serializer.deserialize(buffer);
console.log(`${buffer.byteLength} bytes, type ${header.type}, correlation id ${header.correlationId}`);
console.log(payload);

// A changed byte does not go unnoticed.
new Uint8Array(buffer)[30] ^= 1;
try {
  serializer.deserialize(buffer);
} catch (error) {
  console.log(`${error.code}: ${error.message}`);
}

// Many messages as one: what they have alike is written once.
const batch = new BatchMessageSerializer({ compression: CompressionType.ZSTD });
for (let index = 0; !batch.shouldFlush(); index += 1) {
  batch.addMessage(MessageType.METRICS, { agent: 'planner', load: index / 100, queueDepth: index % 5 });
}
const count = batch.getBatchSize();
const bytes = batch.flush();
console.log(
  `${count} messages in ${bytes.byteLength} bytes; the last: `,
  serializer.deserializeBatch(bytes).at(-1).payload,
);

// Into memory that is there already, shared by threads, without an allocation.
const fast = new OptimizedMessageSerializer({ tables: true }); // for this process alone
const memory = new Uint8Array(new SharedArrayBuffer(4096));
let end = 0;
for (let index = 0; index < 10; index += 1) {
  end += fast.serializeInto(memory, end, MessageType.TASK_RESULT, { taskId: 'task-42', status: 'completed', index });
}
for (let at = 0; at < end; ) {
  const { header, payload } = fast.deserialize(memory.subarray(at));
  at += 24 + header.payloadLength;
  if (at === end) console.log(`10 messages in ${end} bytes; the last: `, payload);
}
