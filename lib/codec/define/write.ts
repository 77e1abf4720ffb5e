import { CodecLimit, Tag } from '../../generated/layout';
import { mayGenerateCode } from '../codegen';
import type { Encoder } from '../encoder';
import { writeMessageHead } from '../message-value';
import { type Field, fits } from './fields';
import { isRecord, MISFIT, othersOf } from './kept';
import { rules, testScope } from './kinds';
import { givenFor, isLeftOut, isRequired, type MessageWriter, type Plan } from './plan';
import { unknownFields } from './unknown-fields';

type ValueWriter = (value: unknown, at: number, encoder: Encoder) => number;

/** Makes the writer of a definition's messages. */
export function makeWriter(plan: Plan): MessageWriter {
  const writers = plan.byTag.map((field) => (field.repeated ? repeatedWriter(field) : valueWriter(field)));
  const any = closeOver(plan, writers);
  return mayGenerateCode ? generate(plan, writers, any) : any;
}

/** Writes any message, those with unknown fields and extra properties too. */
function closeOver(plan: Plan, writers: readonly ValueWriter[]): MessageWriter {
  const { byTag, version } = plan;
  return (value, fingerprint, at, encoder) => {
    if (!isRecord(value, encoder)) throw MISFIT;
    const others = othersOf(plan, value);
    const tags = others === undefined ? [] : [...others.keys()].sort((a, b) => a - b);
    const values: unknown[] = [];
    let count = tags.length;
    for (const field of byTag) {
      const given = givenFor(field, value);
      values.push(given);
      if (!isLeftOut(field, given)) count++;
      else if (isRequired(field) && !others?.has(field.tag)) throw MISFIT;
    }
    encoder.enter();
    let next = writeMessageHead(encoder, fingerprint, version, count, at);
    let position = 0;
    const writeOthers = (end: number) => {
      for (; position < tags.length && (tags[position] as number) < end; position++) {
        const tag = tags[position] as number;
        next = encoder.writeVarint(tag, encoder.room(next));
        // Each with a history of its own would be more than they are worth.
        next = encoder.writeField(others?.get(tag), next, plan.otherSlot);
      }
    };
    for (let index = 0; index < byTag.length; index++) {
      const field = byTag[index] as Field;
      if (isLeftOut(field, values[index])) continue;
      if (position < tags.length) writeOthers(field.tag);
      next = encoder.writeVarint(field.tag, encoder.room(next));
      next = (writers[index] as ValueWriter)(values[index], next, encoder);
    }
    writeOthers(Number.POSITIVE_INFINITY);
    encoder.leave();
    return next;
  };
}

/** Writes one value of a field. */
function valueWriter(field: Field): ValueWriter {
  const { kind, slot } = field;
  if (kind === 'message') {
    const { codec } = field.nested();
    return (value, at, encoder) => codec.write(value, 0, at, encoder);
  }
  return (value, at, encoder) => {
    if (!fits(field, value)) throw MISFIT;
    return encoder.writeField(value, at, slot);
  };
}

function repeatedWriter(field: Field): ValueWriter {
  const { kind, slot } = field;
  if (kind === 'any') {
    // As any array, holes and all.
    return (value, at, encoder) => {
      if (!Array.isArray(value)) throw MISFIT;
      return encoder.writeField(value, at, slot);
    };
  }
  const writeElement = valueWriter(field);
  return (value, at, encoder) => {
    if (!Array.isArray(value)) throw MISFIT;
    const { length } = value;
    encoder.enter();
    let next = encoder.room(at, length);
    next = encoder.writeHead(Tag.FixArray, CodecLimit.FixArrayMax, Tag.Array, length, next);
    for (let index = 0; index < length; index++) next = writeElement(value[index], next, encoder);
    encoder.leave();
    return next;
  };
}

/**
 * Writes messages with nothing but fields straight away, and leaves others to `any`. Properties usually stand in the order of the
 * fields, so looking for others among them is a comparison of each with the next field's name.
 */
function generate(plan: Plan, writers: readonly ValueWriter[], any: MessageWriter): MessageWriter {
  const { fieldList, byTag, version } = plan;
  const variable = (field: Field) => `f${fieldList.indexOf(field)}`;
  const reads = fieldList.map((field) => {
    const key = JSON.stringify(field.name);
    const guard = field.inherited ? `!hasOwn(value, ${key}) ? undefined : ` : '';
    return `const ${variable(field)} = ${guard}value[${key}];`;
  });
  const counts = byTag.map((field) =>
    isRequired(field)
      ? field.kind === 'any'
        ? ''
        : `if (${variable(field)} === undefined) throw MISFIT;`
      : `const has_${variable(field)} = ${presence(field, variable(field))}; if (has_${variable(field)}) count++;`,
  );
  const writes = byTag.map((field, index) => {
    const tag =
      field.tag < 0x80
        ? `encoder.bytes[encoder.room(at)] = ${field.tag}; at++;`
        : `at = encoder.writeVarint(${field.tag}, encoder.room(at));`;
    const write = `${tag} ${valueSource(field, variable(field), index)}`;
    return isRequired(field) ? write : `if (has_${variable(field)}) { ${write} }`;
  });
  const source = `
    return (value, fingerprint, at, encoder) => {
      if (!isRecord(value, encoder)) throw MISFIT;
      ${reads.join('\n')}
      if (value[unknownFields] !== undefined) return any(value, fingerprint, at, encoder);
      let position = 0;
      for (const key in value) {
        if (key === names[position]) { position++; continue; }
        const found = positions.get(key);
        if (found === undefined) return any(value, fingerprint, at, encoder);
        position = found + 1;
      }
      let count = ${fieldList.filter(isRequired).length};
      ${counts.join('\n')}
      encoder.enter();
      at = writeMessageHead(encoder, fingerprint, ${version}, count, at);
      ${writes.join('\n')}
      encoder.leave();
      return at;
    };`;
  const scope = {
    ...testScope,
    MISFIT,
    any,
    hasOwn: Object.hasOwn,
    isArray: Array.isArray,
    isRecord,
    members: byTag.map((field) => field.memberSet),
    names: fieldList.map((field) => field.name),
    positions: plan.positions,
    slots: byTag.map((field) => field.slot),
    unknownFields,
    writeMessageHead,
    writers,
    TRUE: Tag.True,
    FALSE: Tag.False,
  };
  return new Function(...Object.keys(scope), source)(...Object.values(scope));
}

/** Source of `!isLeftOut(field, value)`, of a field that is not required. */
function presence(field: Field, value: string): string {
  const isThere = `${value} !== undefined`;
  return field.repeated && !field.optional ? `${isThere} && !(isArray(${value}) && ${value}.length === 0)` : isThere;
}

/** Source that writes the value of a variable with its type's writer. */
function valueSource(field: Field, value: string, index: number): string {
  const { kind } = field;
  if (field.repeated || kind === 'message') return `at = writers[${index}](${value}, at, encoder);`;
  const test =
    kind !== 'enum'
      ? rules[kind].test(value)
      : field.open
        ? rules.string.test(value)
        : `members[${index}].has(${value})`;
  const check = kind === 'any' ? '' : `if (!(${test})) throw MISFIT;`;
  switch (kind) {
    case 'string':
    case 'enum':
      return `${check} at = encoder.writeFieldString(${value}, encoder.room(at), slots[${index}]);`;
    case 'number':
    case 'integer':
      return `${check} at = encoder.writeNumber(${value}, encoder.room(at));`;
    case 'boolean':
      return `${check} at = encoder.writeTag(${value} ? TRUE : FALSE, encoder.room(at));`;
    case 'bigint':
      return `${check} at = encoder.writeBigInt(${value}, encoder.room(at));`;
    default:
      return `${check} at = encoder.writeField(${value}, at, slots[${index}]);`;
  }
}
