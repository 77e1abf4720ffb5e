import { quote } from '../../errors';
import { badDefinition, incompatible } from './errors';
import { type Field, typeName } from './fields';
import type { Kind } from './kinds';
import { isRequired } from './plan';

/** What the rules look at. */
export interface Definition {
  readonly name: string;
  readonly version: number;
  readonly fingerprint: number;
  readonly fieldList: readonly Field[];
  readonly reserved: ReadonlySet<number>;
}

/**
 * Types that a later version may give a field: all values of the old type are values of the new one, and the older version still
 * reads those that are its own.
 */
const widenings: Partial<Record<Kind, readonly Kind[]>> = {
  integer: ['number', 'time', 'any'],
  bigint: ['time', 'any'],
  enum: ['string', 'any'],
  string: ['any'],
  number: ['any'],
  boolean: ['any'],
  time: ['any'],
  bytes: ['any'],
  date: ['any'],
};

/** This thread's definitions: by name, then by version. */
const registry = new Map<string, Map<number, Definition>>();
const names = new Map<number, string>();

/** Adds a definition to those of this thread. Throws AgentwireDefinitionError when it does not go with them. */
export function register(definition: Definition, previous: Definition | undefined): void {
  const { name, version, fingerprint } = definition;
  const namesake = names.get(fingerprint);
  if (fingerprint === 0 || (namesake !== undefined && namesake !== name)) {
    const whose = namesake === undefined ? 'which means none' : `which is that of ${quote(namesake)} too`;
    throw badDefinition(name, undefined, `the CRC-32 of this name is ${fingerprint}, ${whose}; take another name`);
  }
  const versions = registry.get(name) ?? new Map<number, Definition>();
  for (const other of versions.values()) checkPair(other, definition);
  if (previous !== undefined) checkPair(previous, definition);
  names.set(fingerprint, name);
  registry.set(name, versions);
  if (!versions.has(version)) versions.set(version, definition);
}

/**
 * Compares a definition with the others of its name once more, when the functions that are types of fields can be asked: the first
 * time it is compared, what they give may not be there yet.
 */
export function checkAgain(definition: Definition): void {
  for (const other of registry.get(definition.name)?.values() ?? []) {
    if (other !== definition) checkPair(other, definition);
  }
}

/** The name of the nested definition; undefined for another kind of field, and while there is none. */
function nestedName(field: Field): string | undefined {
  if (field.kind !== 'message') return undefined;
  try {
    return field.nested().name;
  } catch {
    return undefined;
  }
}

function nestOthers(before: Field, after: Field): boolean {
  const name = nestedName(before);
  const other = nestedName(after);
  return name !== undefined && other !== undefined && name !== other;
}

const newTag = 'keep it as it was, and give what is new a field and a tag of its own';

function checkPair(known: Definition, added: Definition): void {
  if (known.version === added.version) {
    checkEqual(known, added);
    return;
  }
  const [older, newer] = known.version < added.version ? [known, added] : [added, known];
  const reject = (field: string | undefined, reason: string) => {
    throw incompatible(added.name, field, reason);
  };
  const was = `in version ${older.version}`;
  const now = `in version ${newer.version}`;
  for (const field of newer.fieldList) {
    if (older.reserved.has(field.tag)) {
      reject(field.name, `its tag ${field.tag} is reserved ${was}; give it another one`);
    }
    const before = older.fieldList.find(({ tag }) => tag === field.tag);
    if (before === undefined) {
      const namesake = older.fieldList.find(({ name }) => name === field.name);
      if (namesake !== undefined) {
        reject(field.name, `it has the tag ${namesake.tag} ${was} and ${field.tag} ${now}; a field keeps its tag`);
      }
      if (isRequired(field)) {
        const remedy = 'make it optional, or give it a default';
        reject(field.name, `it is required ${now}, and messages of version ${older.version} do not have it; ${remedy}`);
      }
      continue;
    }
    checkType(before, field, was, now, reject);
    if (isRequired(field) && !isRequired(before)) {
      const remedy = 'leave it optional, or give it a default';
      reject(field.name, `it is required ${now}, and may be absent ${was}; ${remedy}`);
    }
  }
  for (const field of older.fieldList) {
    if (!isRequired(field) || newer.fieldList.some(({ tag }) => tag === field.tag)) continue;
    reject(field.name, `it is required ${was}, which could read no message without it; keep it, at least as optional`);
  }
}

function checkType(
  before: Field,
  after: Field,
  was: string,
  now: string,
  reject: (field: string, reason: string) => void,
): void {
  const change = `the type of its tag ${after.tag} is ${typeName(before)} ${was} and ${typeName(after)} ${now}`;
  if (before.repeated !== after.repeated) reject(after.name, `${change}; ${newTag}`);
  if (before.kind !== after.kind) {
    if (!(widenings[before.kind] ?? []).includes(after.kind)) reject(after.name, `${change}; ${newTag}`);
    return;
  }
  if (nestOthers(before, after)) {
    const names = `${quote(nestedName(before) as string)} ${was} and ${quote(nestedName(after) as string)} ${now}`;
    reject(after.name, `it holds messages ${names}; ${newTag}`);
  }
  if (before.kind === 'enum') {
    const removed = before.members.filter((member) => !after.memberSet.has(member)).map((member) => quote(member));
    if (removed.length > 0 && !after.open) {
      reject(after.name, `the enum had ${removed.join(', ')} ${was} and has not ${now}; keep the members`);
    }
    if (before.open && !after.open) reject(after.name, `it is open ${was} and not ${now}; leave it open`);
  }
}

/** The same version twice is fine (a module may be loaded twice), with the same fields. */
function checkEqual(known: Definition, added: Definition): void {
  const reject = (field: string | undefined, what: string): never => {
    const reason = `version ${added.version} was defined with ${what}; give the changed definition a higher version`;
    throw incompatible(added.name, field, reason);
  };
  for (const field of added.fieldList) {
    const twin = known.fieldList.find(({ tag }) => tag === field.tag);
    if (twin === undefined) reject(field.name, `no tag ${field.tag}`);
    else if (describeField(twin) !== describeField(field) || nestOthers(twin, field))
      reject(field.name, 'another field of this tag');
  }
  for (const { tag, name } of known.fieldList) {
    if (!added.fieldList.some((field) => field.tag === tag)) reject(name, 'this field, which is missing here');
  }
  if (String([...known.reserved].sort()) !== String([...added.reserved].sort()))
    reject(undefined, 'other reserved tags');
}

function describeField({ name, kind, optional, repeated, defaultValue, members, open }: Field): string {
  const shown = [typeof defaultValue, Object.is(defaultValue, -0) ? '-0' : String(defaultValue)];
  return JSON.stringify([name, kind, optional, repeated, shown, members, open]);
}
