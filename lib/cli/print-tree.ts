import type { Json } from './capture';
import type { Paint } from './output';

/** Unless everything is asked for: characters of a string, bytes of a binary, children of a container. */
const MOST_CHARACTERS = 200;
const MOST_BYTES = 32;
const MOST_CHILDREN = 50;
/** A container of scalars stands on one line of this length. */
const LINE = 100;

/** What is printed of a value: a text, or a heading with children. */
type Node = Leaf | Container;

interface Leaf {
  readonly text: string;
  readonly style: 'string' | 'scalar';
}

interface Container {
  readonly heading: string;
  /** Around children on one line; those of a list end in a square bracket. */
  readonly brackets: readonly [string, string];
  readonly children: readonly Child[];
}

/** A child of a container: the name that stands before it, if any. */
interface Child {
  readonly name: string;
  readonly value: Json;
}

/** A value in tagged JSON as a tree, on lines of `level` steps. */
export function printTree(name: string, value: Json, level: number, isFull: boolean, paint: Paint): string {
  const before = `${'  '.repeat(level)}${name === '' ? '' : `${paint.name(`${name}:`)} `}`;
  const node = nodeOf(value, isFull);
  if ('text' in node) return `${before}${paint[node.style](node.text)}\n`;
  const line = oneLine(node, isFull, paint);
  if (line !== undefined) return `${before}${line}\n`;
  let text = `${before}${paint.remark(node.heading)}\n`;
  const shown = isFull ? node.children : node.children.slice(0, MOST_CHILDREN);
  for (const child of shown) text += printTree(child.name, child.value, level + 1, isFull, paint);
  const left = node.children.length - shown.length;
  if (left > 0) {
    const more = `... and ${left.toLocaleString('en')} more (--full shows them)`;
    text += `${'  '.repeat(level + 1)}${paint.remark(more)}\n`;
  }
  return text;
}

/** A small container of scalars on one line; undefined for another. */
function oneLine(node: Container, isFull: boolean, paint: Paint): string | undefined {
  const { brackets, children } = node;
  // A child takes three characters at least.
  if (children.length > LINE / 3) return undefined;
  const parts: string[] = [];
  let length = brackets[0].length + brackets[1].length;
  for (const { name, value } of children) {
    const child = nodeOf(value, isFull);
    if (!('text' in child)) return undefined;
    // Places in a list need no numbers on one line.
    const label = brackets[0].endsWith('[') ? '' : name;
    length += label.length + child.text.length + 4;
    if (length > LINE) return undefined;
    parts.push(`${label === '' ? '' : `${paint.name(`${label}:`)} `}${paint[child.style](child.text)}`);
  }
  if (parts.length === 0) return `${brackets[0]}${brackets[1]}`;
  const space = brackets[0].endsWith('[') ? '' : ' ';
  return `${brackets[0]}${space}${parts.join(', ')}${space}${brackets[1]}`;
}

const scalar = (text: string): Node => ({ text, style: 'scalar' });

function nodeOf(value: Json, isFull: boolean): Node {
  if (typeof value === 'string') return { text: quoted(value, isFull), style: 'string' };
  if (typeof value !== 'object' || value === null) return scalar(String(value));
  if (Array.isArray(value)) return listNode('array', 'element', ['[', ']'], value);
  const [tag] = Object.keys(value);
  if (tag?.startsWith('$')) return taggedNode(tag, value[tag] as Json, value, isFull);
  return objectNode(Object.entries(value).map(([key, value]) => ({ name: keyText(key), value })));
}

function objectNode(children: readonly Child[]): Node {
  return { heading: `object, ${count(children.length, 'property', 'properties')}`, brackets: ['{', '}'], children };
}

function listNode(type: string, item: string, brackets: readonly [string, string], values: readonly Json[]): Node {
  const children = values.map((value, index) => ({ name: String(index), value }));
  return { heading: `${type}, ${count(values.length, item, `${item}s`)}`, brackets, children };
}

/** What a tag stands for: docs/wire-format.md, section 5. */
function taggedNode(tag: string, content: Json, whole: { [key: string]: Json }, isFull: boolean): Node {
  switch (tag) {
    case '$undefined':
      return scalar('undefined');
    case '$hole':
      return scalar('<hole>');
    case '$number':
      return scalar(String(content));
    case '$bigint':
      return scalar(digitsText(String(content), isFull));
    case '$date':
      return scalar(dateText(content));
    case '$utf16':
      return { text: quoted(fromUtf16(String(content)), isFull), style: 'string' };
    case '$binary':
      return scalar(binaryText(String(content), String(whole['kind']), isFull));
    case '$set':
      return listNode('Set', 'value', ['Set [', ']'], content as Json[]);
    case '$map':
      return mapNode(content as [Json, Json][], isFull);
    case '$object':
      return objectNode((content as [Json, Json][]).map(([key, value]) => ({ name: keyText(textOf(key)), value })));
    case '$message':
      return messageNode(content as { fingerprint: number; version: number; fields: { [tag: string]: Json } });
    default:
      // A tag that this version does not know, from a newer codec.
      return objectNode(Object.entries(whole).map(([key, value]) => ({ name: keyText(key), value })));
  }
}

/** A key that is a scalar stands before its value; other entries are pairs. */
function mapNode(entries: readonly [Json, Json][], isFull: boolean): Node {
  const children = entries.map(([key, value], index) => {
    const node = nodeOf(key, isFull);
    return 'text' in node ? { name: node.text, value } : { name: `entry ${index}`, value: [key, value] };
  });
  return { heading: `Map, ${count(entries.length, 'entry', 'entries')}`, brackets: ['Map {', '}'], children };
}

function messageNode({
  fingerprint,
  version,
  fields,
}: {
  fingerprint: number;
  version: number;
  fields: { [tag: string]: Json };
}): Node {
  const children = Object.entries(fields).map(([tag, value]) => ({ name: `field ${tag}`, value }));
  const definition = fingerprint === 0 ? '' : ` of definition 0x${fingerprint.toString(16).padStart(8, '0')},`;
  const heading = `message${definition} version ${version}, ${count(children.length, 'field', 'fields')}`;
  return { heading, brackets: [`${heading} {`, '}'], children };
}

function dateText(content: Json): string {
  const time = typeof content === 'number' ? content : Number.NaN;
  const date = new Date(time);
  if (!Number.isNaN(date.getTime())) return `Date ${date.toISOString()}`;
  return content === null ? 'Date, invalid' : `Date, invalid: ${JSON.stringify(content)} ms`;
}

function binaryText(base64: string, kind: string, isFull: boolean): string {
  const bytes = Buffer.from(base64, 'base64');
  const shown = isFull ? bytes : bytes.subarray(0, MOST_BYTES);
  const hex = shown.toString('hex').replace(/(..)(?=.)/g, '$1 ');
  const more = shown.length < bytes.length ? ' ...' : '';
  return `${kind}, ${count(bytes.length, 'byte', 'bytes')}${hex === '' ? '' : `: ${hex}${more}`}`;
}

function quoted(text: string, isFull: boolean): string {
  if (isFull || text.length <= MOST_CHARACTERS) return printable(JSON.stringify(text));
  const beginning = text.slice(0, MOST_CHARACTERS);
  return `${printable(JSON.stringify(beginning))}... (${text.length.toLocaleString('en')} characters)`;
}

function digitsText(digits: string, isFull: boolean): string {
  if (isFull || digits.length <= MOST_CHARACTERS) return `${digits}n`;
  return `${digits.slice(0, MOST_CHARACTERS)}...n (${digits.length.toLocaleString('en')} characters)`;
}

const plainKey = /^[A-Za-z_$][\w$.-]*$|^\d+$/;

function keyText(key: string): string {
  return plainKey.test(key) ? key : quoted(key, false);
}

/** A key in a list of pairs: a string, or one that is tagged. */
function textOf(key: Json): string {
  return typeof key === 'string' ? key : fromUtf16((key as { $utf16: string }).$utf16);
}

function fromUtf16(hex: string): string {
  return hex.replace(/.{4}/g, (unit) => String.fromCharCode(Number.parseInt(unit, 16)));
}

/** Characters that would steer a terminal or turn text around, as escapes. JSON has done so with the first 32. */
function printable(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu,
    (character) => `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, '0')}`,
  );
}

function count(n: number, one: string, more: string): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : more}`;
}
