import { codec } from '../codec/codec';
import type { CapturedItem, Json } from './capture';

/** One document of everything in a file. */
export function jsonDocument(file: string, bytes: number, items: readonly CapturedItem[]): string {
  return JSON.stringify({ file, bytes, items: items.map(itemToJson) }, null, 2);
}

function itemToJson({ offset, length, header, content, fault }: CapturedItem): Json {
  const item: { [key: string]: Json } = { offset, bytes: length };
  if (header === null) {
    if (content !== undefined) item['value'] = content;
  } else if (content !== undefined) {
    Object.assign(item, content);
  } else {
    item['header'] = JSON.parse(codec.toJSON(codec.encode(header))) as Json;
  }
  if (fault !== null) {
    const { error, at, isOfFile } = fault;
    const place: { [key: string]: Json } = at === null ? {} : { [isOfFile ? 'offset' : 'offsetInPayload']: at };
    item['error'] = { code: error.code, message: error.message, ...place };
  }
  return item;
}
