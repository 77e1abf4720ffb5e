import { refuseUnknown } from '../../checks';
import { AgentwireArgumentError } from '../../errors';
import { CodecLimit } from '../../generated/layout';
import { Slot } from '../slot';
import { register } from './compatibility';
import { MessageDefinition } from './definition';
import { badDefinition } from './errors';
import { type Field, isTag, parseFields, tagRange } from './fields';
import { fingerprintOf } from './fingerprint';
import type { Plan } from './plan';
import type { ExtraProperties, FieldSpecs, GivenMessage, NoOtherOptions, ReadMessage } from './types';

export interface DefineMessageOptions<X extends ExtraProperties = ExtraProperties> {
  /** 1 or more; higher for each change of the fields. 1 unless it is given, or one more than that of `previous`. */
  version?: number;
  /** Tags of fields that were removed, which no later field may take. */
  reserved?: readonly number[];
  /**
   * What to do with properties that are no fields: 'refuse' them (the default), or 'keep' them. Kept ones hold any value, and
   * come back as properties.
   */
  extra?: X;
  /** An older version, to compare with. Those that this thread has defined are compared anyway. */
  previous?: MessageDefinition<unknown, unknown>;
}

const knownOptions = ['version', 'reserved', 'extra', 'previous'];
/** Longest name of a message, in UTF-16 code units. */
const MOST_NAME_LENGTH = 256;

/**
 * Defines a kind of message: its fields have a type that TypeScript infers, and a tag that stands for them in the bytes, so that
 * they may be renamed. It is compiled at its first use.
 *
 * ```ts
 * const Agent = defineMessage('agent', { id: { tag: 1, type: 'string' }, role: { tag: 2, type: 'string', optional: true } });
 * const Task = defineMessage('task', {
 *   taskId: { tag: 1, type: 'string' },
 *   priority: { tag: 2, type: 'integer', default: 0 },
 *   labels: { tag: 3, type: 'string', repeated: true },
 *   state: { tag: 4, type: ['open', 'done'] },
 *   deadline: { tag: 5, type: 'date', optional: true },
 *   owner: { tag: 6, type: Agent },
 * });
 * type Task = MessageOf<typeof Task>;
 *
 * const bytes = Task.encode({ taskId: 't-1', state: 'open', owner: { id: 'a-7' } });
 * const task = Task.decode(bytes); // {taskId: 't-1', priority: 0, labels: [], state: 'open', owner: {id: 'a-7'}}
 * ```
 *
 * Types: string, number, integer, boolean, bigint, time (a number or a bigint), bytes, date, any; an array of strings (an enum);
 * a definition, or a function that gives it, for one that refers to itself:
 *
 * ```ts
 * interface Tree { name: string; children: Tree[] }
 * const Tree: MessageDefinition<Tree> = defineMessage('tree', {
 *   name: { tag: 1, type: 'string' },
 *   children: { tag: 2, type: () => Tree, repeated: true },
 * });
 * ```
 *
 * Versions of a name read one another: each keeps the fields that it does not know, and writes them back. A definition that would
 * break that is refused: AgentwireDefinitionError names the message, the field and the reason. docs/messages.md says what may
 * change from a version to the next.
 *
 * @param name names the message in all versions, by its CRC-32; two names must not have the same.
 */
export function defineMessage<const F extends FieldSpecs, const X extends ExtraProperties = 'refuse'>(
  name: string,
  fields: F & NoOtherOptions<F>,
  options: DefineMessageOptions<X> = {},
): MessageDefinition<ReadMessage<F, X>, GivenMessage<F, X>> {
  checkName(name);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new AgentwireArgumentError('fields', "an object of fields, as {id: {tag: 1, type: 'string'}}", fields);
  }
  if (typeof options !== 'object' || options === null) {
    throw new AgentwireArgumentError('options', `an object with ${knownOptions.join(', ')}`, options);
  }
  refuseUnknown(options, knownOptions, 'defineMessage');
  const previous = checkPrevious(name, options.previous);
  const version = checkVersion(options.version, previous);
  const reserved = checkReserved(options.reserved);
  const specs = copySpecs(fields);
  const fieldList = parseFields(name, specs, reserved);
  const plan: Plan = {
    name,
    version,
    fingerprint: fingerprintOf(name),
    fieldList,
    reserved,
    byTag: [...fieldList].sort((a: Field, b: Field) => a.tag - b.tag),
    fieldOf: new Map(fieldList.map((field: Field) => [field.tag, field])),
    positions: new Map(fieldList.map((field, index) => [field.name, index])),
    keepsExtra: checkExtra(options.extra) === 'keep',
    otherSlot: new Slot(),
  };
  register(plan, previous?.plan);
  return new MessageDefinition<ReadMessage<F, X>, GivenMessage<F, X>>(plan, specs);
}

function checkName(name: unknown): void {
  const isGood =
    typeof name === 'string' &&
    name.length > 0 &&
    name.length <= MOST_NAME_LENGTH &&
    Buffer.from(name, 'utf8').toString('utf8') === name;
  if (isGood) return;
  const expected = `a string of 1 to ${MOST_NAME_LENGTH} characters, without halves of surrogate pairs`;
  throw new AgentwireArgumentError('name', expected, name);
}

function checkPrevious(name: string, previous: unknown): MessageDefinition<unknown, unknown> | undefined {
  if (previous === undefined) return undefined;
  if (!(previous instanceof MessageDefinition)) {
    throw new AgentwireArgumentError('options.previous', 'an older version, which defineMessage gave', previous);
  }
  if (previous.name === name) return previous;
  const reason =
    'versions of a message have one name; keep the name, or leave previous out for a message of another kind';
  throw badDefinition(name, undefined, `previous is ${JSON.stringify(previous.name)}; ${reason}`);
}

function checkVersion(version: unknown, previous: MessageDefinition<unknown, unknown> | undefined): number {
  const least = previous === undefined ? 1 : previous.version + 1;
  if (version === undefined) return least;
  const isGood =
    Number.isInteger(version) && (version as number) >= least && (version as number) <= CodecLimit.MaxVarint;
  if (isGood) return version as number;
  const reason = previous === undefined ? '' : `, more than that of previous`;
  const expected = `an integer from ${least} to ${CodecLimit.MaxVarint.toLocaleString('en')}${reason}`;
  throw new AgentwireArgumentError('options.version', expected, version);
}

function checkReserved(reserved: unknown): ReadonlySet<number> {
  if (reserved === undefined) return new Set();
  if (!Array.isArray(reserved)) throw new AgentwireArgumentError('options.reserved', 'an array of tags', reserved);
  for (const tag of reserved) {
    if (!isTag(tag)) throw new AgentwireArgumentError('a tag of options.reserved', tagRange, tag);
  }
  return new Set(reserved);
}

function checkExtra(extra: unknown): ExtraProperties {
  if (extra === undefined) return 'refuse';
  if (extra === 'keep' || extra === 'refuse') return extra;
  throw new AgentwireArgumentError('options.extra', "'keep' or 'refuse'", extra);
}

/** A frozen copy: what is compiled cannot change any more. */
function copySpecs(fields: FieldSpecs): FieldSpecs {
  const copy: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(fields) as [string, unknown][]) {
    const isObject = typeof spec === 'object' && spec !== null && !Array.isArray(spec);
    const value: unknown = isObject ? Object.freeze({ ...spec, ...copyMembers(spec) }) : spec;
    Object.defineProperty(copy, name, { value, enumerable: true });
  }
  return Object.freeze(copy) as FieldSpecs;
}

function copyMembers(spec: object): object {
  const { type } = spec as { type?: unknown };
  return Array.isArray(type) ? { type: Object.freeze([...type]) } : {};
}
