import { quote } from '../../errors';
import { Tag } from '../../generated/layout';
import { mayGenerateCode, propertySource } from '../codegen';
import type { Decoder } from '../decoder';
import { openArray, openFields, readFieldTag, readVersion } from '../message-value';
import { setOwn } from '../shapes';
import { EXTRA_TAG, type Field, fits } from './fields';
import { isKeepable, isPlain } from './kept';
import { rules, testScope } from './kinds';
import { ABSENT, givenFor, isRequired, type MessageReader, type Plan, toleratesStrangers } from './plan';
import { inField, misread, misreadElement, missing, within } from './trouble';
import { unknownFields } from './unknown-fields';

/** Reads the next value as the field's. */
type ValueReader = (decoder: Decoder) => unknown;
type Kept = Map<number, unknown> | undefined;

/** Makes the reader of a definition's messages. */
export function makeReader(plan: Plan): MessageReader {
  const readers = plan.fieldList.map((field) => (field.repeated ? repeatedReader(field) : valueReader(field)));
  return mayGenerateCode ? generate(plan, readers) : closeOver(plan, readers);
}

/** Reads what stands before the fields: their count. */
function open(decoder: Decoder, plan: Plan, fingerprint: number): number {
  const at = decoder.at;
  if (decoder.bytes[at] !== Tag.Message) throw decoder.error(`it must be a message ${quote(plan.name)}`, at);
  decoder.at = at + 1;
  const found = decoder.readVarint(at);
  if (found !== fingerprint) {
    const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;
    throw decoder.error(
      `a message of another definition: its fingerprint is ${hex(found)}, not ${hex(fingerprint)}`,
      at,
    );
  }
  readVersion(decoder, at);
  return openFields(decoder, at);
}

function closeOver(plan: Plan, readers: readonly ValueReader[]): MessageReader {
  const { fieldList, keepsExtra } = plan;
  const positions = new Map(fieldList.map((field, index) => [field.tag, index]));
  return (decoder, fingerprint) => {
    const start = decoder.at;
    const values: unknown[] = fieldList.map(() => ABSENT);
    let kept: Kept;
    let extra: object | undefined;
    let tag = 0;
    let inside = 0;
    try {
      for (let left = open(decoder, plan, fingerprint); left > 0; left--) {
        inside = 0;
        tag = readFieldTag(decoder, tag);
        inside = tag;
        const position = positions.get(tag);
        if (position !== undefined) {
          const value = (readers[position] as ValueReader)(decoder);
          if (value instanceof Stranger) kept = keep(kept, tag, value.value);
          else values[position] = value;
        } else if (keepsExtra && tag === EXTRA_TAG) {
          extra = readExtra(decoder);
        } else {
          kept = keep(kept, tag, readOther(decoder, tag));
        }
      }
    } catch (error) {
      throw inField(error, plan, inside);
    }
    decoder.leave();
    const object = {};
    for (let index = 0; index < fieldList.length; index++) {
      const field = fieldList[index] as Field;
      let value = values[index];
      if (value === ABSENT) {
        if (isRequired(field)) throw missing(decoder, field, start);
        value = substitute(field);
        if (value === ABSENT) continue;
      }
      setOwn(object, field.name, value);
    }
    return kept === undefined && extra === undefined ? object : addOthers(plan, object, kept, extra);
  };
}

/** What an absent field that is not required is read as; ABSENT for no property. */
function substitute(field: Field): unknown {
  if (field.defaultValue !== undefined) return field.defaultValue;
  return field.repeated && !field.optional ? [] : ABSENT;
}

/** A member of an enum that this version does not know, for a field that may be absent. */
class Stranger {
  constructor(readonly value: string) {}
}

function valueReader(field: Field): ValueReader {
  if (field.kind === 'message') {
    const { codec } = field.nested();
    return (decoder) => codec.read(decoder, 0);
  }
  const isTolerant = toleratesStrangers(field);
  const mayLack = !isRequired(field);
  return (decoder) => {
    const at = decoder.at;
    const value = decoder.read();
    if (value === undefined && field.kind === 'any' && mayLack) return ABSENT;
    if (fits(field, value)) return value;
    if (isTolerant && typeof value === 'string') return new Stranger(value);
    throw misread(decoder, field, value, at);
  };
}

function repeatedReader(field: Field): ValueReader {
  if (field.kind === 'message') return nestedReader(field);
  return (decoder) => {
    const at = decoder.at;
    const array = decoder.read();
    if (!Array.isArray(array)) throw misread(decoder, field, array, at);
    if (field.kind === 'any') return array;
    for (let index = 0; index < array.length; index++) {
      if (!fits(field, array[index])) throw misreadElement(decoder, field, array[index], index, at);
    }
    return array;
  };
}

/** Reads an array of messages, without what stands in for them where their definition is not known. */
function nestedReader(field: Field): ValueReader {
  const { codec } = field.nested();
  return (decoder) => {
    const at = decoder.at;
    const count = openArray(decoder);
    if (count < 0) throw misread(decoder, field, decoder.read(), at);
    const array: object[] = [];
    for (let index = 0; index < count; index++) {
      try {
        array.push(codec.read(decoder, 0));
      } catch (error) {
        throw within(error, `[${index}]`);
      }
    }
    decoder.leave();
    return array;
  };
}

function readExtra(decoder: Decoder): object {
  const at = decoder.at;
  const value = decoder.read();
  if (isPlain(value)) return value;
  throw decoder.error('extra properties must be an object', at);
}

/** Reads the value of a tag that the definition does not have. */
function readOther(decoder: Decoder, tag: number): unknown {
  return tag === EXTRA_TAG ? readExtra(decoder) : decoder.read();
}

function keep(kept: Kept, tag: number, value: unknown): Kept {
  kept ??= new Map<number, unknown>();
  return kept.set(tag, value);
}

/** Adds to an object what it came with besides its fields. */
function addOthers(plan: Plan, object: object, kept: Kept, extra: object | undefined): object {
  let aside: object | undefined;
  for (const key of extra === undefined ? [] : Object.keys(extra)) {
    const value = (extra as Record<string, unknown>)[key];
    const position = plan.positions.get(key);
    const field = position === undefined ? undefined : (plan.fieldList[position] as Field);
    if (field === undefined || isAdopted(field, object, value)) {
      setOwn(object, key, value);
    } else {
      aside ??= {};
      setOwn(aside, key, value);
    }
  }
  if (aside !== undefined) kept = keep(kept, EXTRA_TAG, aside);
  if (kept !== undefined) (object as { [unknownFields]?: unknown })[unknownFields] = kept;
  return object;
}

/** True when an extra property of an older version takes the place of the field that a later one has made of it. */
function isAdopted(field: Field, object: object, value: unknown): boolean {
  if (field.kind === 'message' || !isKeepable(field, value)) return false;
  if (field.kind === 'enum' && !field.repeated && !fits(field, value)) return false;
  const current = givenFor(field, object);
  return (
    current === undefined || Object.is(current, field.defaultValue) || (Array.isArray(current) && current.length === 0)
  );
}

function generate(plan: Plan, readers: readonly ValueReader[]): MessageReader {
  const { fieldList } = plan;
  const cases = fieldList.map((field, index) => `case ${field.tag}: ${readSource(field, index)} break;`);
  if (plan.keepsExtra) cases.push(`case ${EXTRA_TAG}: extra = readExtra(decoder); break;`);
  const gaps = fieldList.map((field, index) => {
    if (isRequired(field)) return `if (f${index} === ABSENT) throw missing(decoder, fields[${index}], start);`;
    if (field.defaultValue !== undefined) return `if (f${index} === ABSENT) f${index} = fields[${index}].defaultValue;`;
    return field.optional ? '' : `if (f${index} === ABSENT) f${index} = [];`;
  });
  const source = `
    return (decoder, fingerprint) => {
      const start = decoder.at;
      ${fieldList.map((_, index) => `let f${index} = ABSENT;`).join(' ')}
      let kept, extra, tag = 0, inside = 0;
      try {
        for (let left = open(decoder, plan, fingerprint); left > 0; left--) {
          inside = 0;
          inside = tag = readFieldTag(decoder, tag);
          switch (tag) {
            ${cases.join('\n')}
            default: kept = keep(kept, tag, readOther(decoder, tag));
          }
        }
      } catch (error) {
        throw inField(error, plan, inside);
      }
      decoder.leave();
      ${gaps.join('\n')}
      ${objectSource(fieldList)}
      return kept === undefined && extra === undefined ? object : addOthers(plan, object, kept, extra);
    };`;
  const scope = {
    ...testScope,
    ABSENT,
    addOthers,
    fields: fieldList,
    inField,
    keep,
    members: fieldList.map((field) => field.memberSet),
    misread,
    missing,
    open,
    plan,
    readExtra,
    readFieldTag,
    readOther,
    readers,
    setOwn,
  };
  return new Function(...Object.keys(scope), source)(...Object.values(scope));
}

function readSource(field: Field, index: number): string {
  const { kind } = field;
  const value = `f${index}`;
  if (field.repeated || kind === 'message') return `${value} = readers[${index}](decoder);`;
  if (kind === 'any') {
    // As it is on writing: a field that need not be there is not, when it is undefined.
    return `${value} = decoder.read();${isRequired(field) ? '' : ` if (${value} === undefined) ${value} = ABSENT;`}`;
  }
  const test =
    kind !== 'enum'
      ? rules[kind].test(value)
      : field.open
        ? rules.string.test(value)
        : `members[${index}].has(${value})`;
  const refuse = `throw misread(decoder, fields[${index}], ${value}, at);`;
  const otherwise = toleratesStrangers(field)
    ? `if (typeof ${value} === 'string') { kept = keep(kept, tag, ${value}); ${value} = ABSENT; } else ${refuse}`
    : refuse;
  return `{ const at = decoder.at; ${value} = decoder.read(); if (!(${test})) { ${otherwise} } }`;
}

/**
 * Source that makes the object: one literal when every field has a value, which has the same hidden class each time; otherwise the
 * properties one by one, in the same order.
 */
function objectSource(fieldList: readonly Field[]): string {
  const mayLack = (field: Field) => field.optional && field.defaultValue === undefined;
  const literal = `{ ${fieldList.map((field, index) => `${propertySource(field.name)}: f${index}`).join(', ')} }`;
  const lacking = fieldList.flatMap((field, index) => (mayLack(field) ? [`f${index} === ABSENT`] : []));
  if (lacking.length === 0) return `const object = ${literal};`;
  const first = fieldList.findIndex(mayLack);
  const start = fieldList.slice(0, first).map((field, index) => `${propertySource(field.name)}: f${index}`);
  const rest = fieldList.slice(first).map((field, offset) => {
    const value = `f${first + offset}`;
    const key = JSON.stringify(field.name);
    // Object.prototype may have a setter of that name by then.
    const set = `setOwn(object, ${key}, ${value});`;
    return mayLack(field) ? `if (${value} !== ABSENT) ${set}` : set;
  });
  return `
    let object;
    if (${lacking.join(' || ')}) {
      object = { ${start.join(', ')} };
      ${rest.join('\n')}
    } else {
      object = ${literal};
    }`;
}
