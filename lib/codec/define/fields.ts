import { describe, quote } from '../../errors';
import { Slot } from '../slot';
import { MessageDefinition } from './definition';
import { badDefinition } from './errors';
import { type Kind, rules } from './kinds';

/** Largest tag of a field: what a varint of three bytes holds, but for the last one. */
export const MOST_TAG = 2 ** 21 - 2;
/** The tag of the properties that are no fields, where they are kept: an object. */
export const EXTRA_TAG = 2 ** 21 - 1;

/** A field as it is compiled. */
export interface Field {
  readonly name: string;
  readonly tag: number;
  readonly kind: Kind;
  readonly optional: boolean;
  readonly repeated: boolean;
  /** Stands in for an absent field; undefined for none. */
  readonly defaultValue: unknown;
  /** Members of an enum, in their order. */
  readonly members: readonly string[];
  /** True when the value is a member. */
  readonly memberSet: ReadonlySet<unknown>;
  /** An enum that takes other strings too. */
  readonly open: boolean;
  /** The definition of a nested message. */
  readonly nested: () => MessageDefinition<unknown, unknown>;
  /** Object.prototype has a property of that name, which is not the field's. */
  readonly inherited: boolean;
  /** The encoder's memory of this place. */
  readonly slot: Slot;
}

const knownOptions = ['tag', 'type', 'optional', 'repeated', 'default', 'open'];

/** The fields in the order of the definition. Throws AgentwireDefinitionError for those that cannot be. */
export function parseFields(message: string, specs: object, reserved: ReadonlySet<number>): Field[] {
  const byTag = new Map<number, string>();
  return Object.keys(specs).map((name) => {
    const field = parseField(message, name, (specs as Record<string, unknown>)[name]);
    const other = byTag.get(field.tag);
    if (other !== undefined) {
      const remedy = 'give each field a tag of its own';
      throw badDefinition(message, name, `the tag ${field.tag} is that of the field ${quote(other)}; ${remedy}`);
    }
    byTag.set(field.tag, name);
    if (reserved.has(field.tag)) {
      throw badDefinition(message, name, `the tag ${field.tag} is reserved; give the field another one`);
    }
    return field;
  });
}

/** True for a number that can be the tag of a field. */
export function isTag(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_TAG;
}

export const tagRange = `an integer from 1 to ${MOST_TAG.toLocaleString('en')}`;

function parseField(message: string, name: string, spec: unknown): Field {
  const bad = (reason: string) => badDefinition(message, name, reason);
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw bad(`a field is an object, as {tag: 1, type: 'string'}; ${describe(spec)} was given`);
  }
  for (const key of Object.keys(spec)) {
    if (!knownOptions.includes(key))
      throw bad(`the option ${quote(key)} is not known; a field has ${knownOptions.join(', ')}`);
  }
  const { tag, type, optional, repeated, open, default: defaultValue } = spec as Record<string, unknown>;
  if (!isTag(tag)) throw bad(`its tag must be ${tagRange}; ${describe(tag)} was given`);
  for (const [option, value] of Object.entries({ optional, repeated, open })) {
    if (value !== undefined && typeof value !== 'boolean') {
      throw bad(`${option} must be true or false; ${describe(value)} was given`);
    }
  }
  const kind = kindOf(type);
  if (kind === undefined) {
    const known = `${Object.keys(rules).join(', ')}, an array of strings (the members of an enum), a definition, or a function that gives one`;
    throw bad(`its type must be one of ${known}; ${describe(type)} was given`);
  }
  if (open !== undefined && kind !== 'enum') throw bad('open is for enums only, whose type is an array of strings');
  const members = kind === 'enum' ? parseMembers(type as unknown[], bad) : [];
  const field: Field = {
    name,
    tag,
    kind,
    optional: optional === true,
    repeated: repeated === true,
    defaultValue,
    members,
    memberSet: new Set(members),
    open: open === true,
    nested: nestedOf(type, bad),
    inherited: name in Object.prototype,
    slot: new Slot(),
  };
  if (defaultValue !== undefined) checkDefault(field, bad);
  return field;
}

function kindOf(type: unknown): Kind | undefined {
  if (typeof type === 'string') return Object.hasOwn(rules, type) ? (type as Kind) : undefined;
  if (Array.isArray(type)) return 'enum';
  return type instanceof MessageDefinition || typeof type === 'function' ? 'message' : undefined;
}

function parseMembers(type: readonly unknown[], bad: (reason: string) => Error): readonly string[] {
  const members = [...type];
  if (members.length === 0) throw bad('an enum has at least one member');
  for (const member of members) {
    if (typeof member !== 'string') throw bad(`the members of an enum are strings; ${describe(member)} was given`);
  }
  const twice = members.find((member, index) => members.indexOf(member) !== index);
  if (twice !== undefined) throw bad(`the member ${describe(twice)} stands twice in the enum`);
  return members as string[];
}

function nestedOf(type: unknown, bad: (reason: string) => Error): () => MessageDefinition<unknown, unknown> {
  if (type instanceof MessageDefinition) return () => type as MessageDefinition<unknown, unknown>;
  return () => {
    const given: unknown = (type as () => unknown)();
    if (given instanceof MessageDefinition) return given as MessageDefinition<unknown, unknown>;
    throw bad(`the function that is its type must give a definition; ${describe(given)} came`);
  };
}

function checkDefault(field: Field, bad: (reason: string) => Error): void {
  const { kind, defaultValue } = field;
  if (field.repeated) throw bad('a repeated field has no default; it is read as an empty array where it is absent');
  if (kind !== 'enum' && (kind === 'message' || !rules[kind].mayDefault)) {
    throw bad(`the type ${kind} has no default, as messages would share the one object; make it optional`);
  }
  if (!fits(field, defaultValue)) {
    throw bad(`its default must be ${expectedOf(field)}; ${describe(defaultValue)} was given`);
  }
}

/** True for a value that can be the field's, or an element's if it is repeated. Not for nested messages. */
export function fits(field: Field, value: unknown): boolean {
  if (field.kind === 'enum') return field.open ? typeof value === 'string' : field.memberSet.has(value);
  return field.kind !== 'message' && rules[field.kind].fits(value);
}

/** What the field's value must be, or an element if it is repeated. */
export function expectedOf(field: Field): string {
  if (field.kind === 'message') return `a message ${quote(field.nested().name)}, an object`;
  if (field.kind !== 'enum') return rules[field.kind].expected;
  if (field.open) return 'a string';
  const shown = field.members.slice(0, 12).map((member) => quote(member));
  if (shown.length < field.members.length) shown.push(`... (${field.members.length} in all)`);
  return shown.length === 1 ? `${shown[0]}` : `one of ${shown.join(', ')}`;
}

/** The field's type in words, for errors about definitions. */
export function typeName(field: Field): string {
  const name =
    field.kind === 'enum' ? `enum of ${field.members.map((member) => quote(member)).join(', ')}` : field.kind;
  return `${field.repeated ? 'repeated ' : ''}${name}`;
}
