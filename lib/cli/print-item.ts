import { CompressionType } from '../codec/compression-type';
import { MessageType } from '../codec/message-type';
import type { BinaryMessageHeader } from '../codec/primitives/message-header';
import { Frame, MessageHeader } from '../generated/layout';
import type { CapturedItem, Fault, Json } from './capture';
import { hexDump } from './hex-dump';
import type { Paint } from './output';
import { printTree } from './print-tree';

/** Messages of a batch that are printed unless all are asked for. */
const MOST_MESSAGES = 100;

const count = (n: number, what: string) => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

/** A message, a batch or a value, as far as it could be read. */
export function printItem(item: CapturedItem, isFull: boolean, paint: Paint): string {
  const { number, offset, length, header, isBatch, content } = item;
  const place = `at byte ${offset.toLocaleString('en')}`;
  if (header === null) {
    const title = `${number}. ${content === undefined ? 'Unreadable' : 'Value'} ${place}, ${count(length, 'byte')}`;
    const tree = content === undefined ? '' : printTree('', content, 1, isFull, paint);
    return `${paint.title(title)}\n${tree}`;
  }
  const size = `${MessageHeader.Bytes} + ${count(header.payloadLength, 'byte')}`;
  let text = `${paint.title(`${number}. ${isBatch ? 'Batch' : 'Message'} ${place}, ${size}`)}\n`;
  text += printFields(header, 1, paint);
  if (content === undefined) return `${text}  ${paint.name('payload:')} ${paint.error('cannot be read')}\n`;
  const { payload, messages } = content as { payload?: Json; messages?: Json[] };
  if (messages === undefined) return text + printTree('payload', payload as Json, 1, isFull, paint);
  const shown = isFull ? messages : messages.slice(0, MOST_MESSAGES);
  for (const [index, message] of shown.entries()) {
    text += `  ${paint.title(`message ${index + 1} of ${messages.length}`)}\n`;
    const { header, payload } = message as { header: Record<string, Json>; payload: Json };
    text += printFields(plainHeader(header), 2, paint);
    text += printTree('payload', payload, 2, isFull, paint);
  }
  const left = messages.length - shown.length;
  if (left > 0) text += `  ${paint.remark(`... and ${count(left, 'message')} more (--full shows them)`)}\n`;
  return text;
}

/** What went wrong and where, with the bytes there. */
export function printFault({ error, bytes, at, isOfFile }: Fault, paint: Paint): string {
  if (at === null) return `${paint.error(`agentwire: ${error.message}`)}\n`;
  const what = error.message.replace(/ \(at byte \d+\)$/, '');
  const where = `at byte ${at.toLocaleString('en')} (0x${at.toString(16)})${isOfFile ? '' : ' of the payload'}`;
  return `${paint.error(`agentwire: ${what}, ${where}`)}\n${hexDump(bytes, at)}`;
}

type Fields = Pick<BinaryMessageHeader, 'type' | 'timestamp' | 'correlationId'> & Partial<BinaryMessageHeader>;

function printFields(header: Fields, level: number, paint: Paint): string {
  const fields = [
    ['type', typeName(header.type)],
    ['time', timeOf(header.timestamp)],
    ['correlation id', header.correlationId === 0n ? 'none' : String(header.correlationId)],
  ];
  if (header.flags !== undefined) fields.push(['flags', flagNames(header.flags)]);
  return fields.map(([name, value]) => `${'  '.repeat(level)}${paint.name(`${name}:`)} ${value}\n`).join('');
}

/** The header of a message in a batch, whose bigints are tagged. */
function plainHeader(header: Record<string, Json>): Fields {
  const bigint = (value: Json | undefined) => BigInt((value as { $bigint: string }).$bigint);
  return {
    type: header['type'] as number,
    timestamp: bigint(header['timestamp']),
    correlationId: bigint(header['correlationId']),
  };
}

function typeName(type: number): string {
  const known = Object.entries(MessageType).find(([, number]) => number === type);
  return known === undefined ? `${type} (of the user's own)` : `${known[0]} (${type})`;
}

/** Nanoseconds since the Unix epoch as people read them. */
function timeOf(timestamp: bigint): string {
  const milliseconds = Number(timestamp / 1_000_000n);
  if (timestamp < 0n || milliseconds > 8.64e15) return `${timestamp} ns since 1970, beyond what a date can be`;
  const rest = String(timestamp % 1_000_000n).padStart(6, '0');
  return new Date(milliseconds).toISOString().replace('Z', `${rest}Z`);
}

/** docs/wire-format.md, section 4. */
function flagNames(flags: number): string {
  const names: string[] = [];
  const compression = flags & Frame.CompressionMask;
  for (const [name, number] of Object.entries(CompressionType)) {
    if (number === compression && number !== CompressionType.NONE) names.push(`compressed (${name})`);
  }
  if (flags & Frame.Checksum) names.push('CHECKSUM');
  if (flags & Frame.Tables) names.push('TABLES');
  if (flags & Frame.Batch) names.push('BATCH');
  if (flags & Frame.Reserved) names.push(`unknown 0x${(flags & Frame.Reserved).toString(16)}`);
  return names.length === 0 ? 'none' : names.join(', ');
}
