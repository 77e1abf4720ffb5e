// What only the compiler checks: the types of `codec`, from the root and from both sub-paths.
import * as root from 'agentwire';
import {
  type AnyBytes,
  type Codec,
  codec,
  type DecodedBatch,
  type DecodedMessage,
} from 'agentwire/optimized-serialization';
import { type FromJSONOptions, codec as other, type ToJSONOptions } from 'agentwire/ultra-fast-serialization';

const codecs: Codec[] = [codec, other, root.codec];
const bytes: Uint8Array = codec.encode({ a: 1n });
const forms: AnyBytes[] = [
  bytes,
  bytes.buffer,
  new SharedArrayBuffer(1),
  new DataView(new ArrayBuffer(1)),
  new Int16Array(1),
];
for (const form of forms) {
  codec.validate(form);
  const isValid: boolean = codec.isValid(form);
  const options: ToJSONOptions = { indent: isValid ? 2 : 0 };
  const text: string = codec.toJSON(form, options);
  const reading: FromJSONOptions = { type: root.MessageType.ERROR, correlationId: 1n, plain: true };
  const message: Uint8Array = codec.fromJSON(text, reading);
  const decoded: unknown = codec.decode(message);
  const { header, payload } = decoded as DecodedMessage;
  const [first] = (decoded as DecodedBatch).messages;
  const numbers: [number, bigint, unknown] = [header.type, first?.header.correlationId ?? 0n, payload];
  numbers.slice();
}

function describe(error: unknown): string {
  if (error instanceof root.AgentwireJsonError) return `${error.code} ${error.line + error.column}`;
  return error instanceof root.AgentwireDecodeError ? `${error.offset}` : 'other';
}

// @ts-expect-error A decoded value is whatever was encoded: it is to be checked before it is used.
codec.decode(bytes).header;
// @ts-expect-error Bytes are no array of numbers.
codec.validate([1, 2]);
// @ts-expect-error An indent is a number of spaces.
codec.toJSON(bytes, { indent: '\t' });
// @ts-expect-error A correlation id is a bigint.
codec.fromJSON('1', { type: 1, correlationId: 1 });
// @ts-expect-error The object is not to be changed.
codec.decode = () => 1;

export { codecs, describe };
