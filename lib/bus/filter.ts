import { types } from 'node:util';
import { encodeSelfContained } from '../codec/self-contained';
import { AgentwireError, AgentwireFilterError, describe } from '../errors';

/** What a field can be compared with. */
export type FilterValue = string | number | bigint | boolean | null | Date;

/** One condition on one field of the payload; docs/filters.md says what holds for which values. */
export type FilterCondition = {
  /** Where in the payload: `data.items[0].name`, `["a.b"]`. */
  readonly field: string;
  /** False regards `a` and `A` as the same, for `eq`, `ne`, `contains`, `in` and `matches`. Default: true. */
  readonly caseSensitive?: boolean | undefined;
} & (
  | { readonly operator: 'eq' | 'ne'; readonly value: FilterValue }
  | { readonly operator: 'gt' | 'lt' | 'gte' | 'lte'; readonly value: string | number | bigint | Date }
  /** A part of a string, an element of an array or Set, a key of a Map or an object. */
  | { readonly operator: 'contains'; readonly value: FilterValue }
  /** An expression that runs in linear time: no look-around, no back-references. */
  | { readonly operator: 'matches'; readonly value: string | RegExp }
  | { readonly operator: 'in'; readonly value: readonly FilterValue[] | ReadonlySet<FilterValue> }
  /** True, the default: the field is there and not undefined. */
  | { readonly operator: 'exists'; readonly value?: boolean | undefined }
);

export type FilterOperator = FilterCondition['operator'];

/** Which messages a subscription wants: all of the conditions, or any of them. A condition may be a filter itself. */
export interface Filter {
  readonly operator: 'AND' | 'OR';
  readonly conditions: readonly (FilterCondition | Filter)[];
}

const groupKeys = ['operator', 'conditions'];
const conditionKeys = ['field', 'operator', 'value', 'caseSensitive'];

/** Beyond what native takes; here they only bound what is read of cycles and of arrays with a length that is a lie. */
const MOST_DEPTH = 16;
const MOST_CONDITIONS = 1024;

/** A filter as native reads it. Native checks what it means; here it is only taken apart, each property read once. */
export function encodeFilter(filter: Filter): Uint8Array {
  try {
    return encodeSelfContained(plainGroup(filter, 'filter', 1));
  } catch (cause) {
    if (cause instanceof AgentwireFilterError) throw cause;
    const why = cause instanceof AgentwireError ? cause.message : describe(cause);
    throw new AgentwireFilterError(`the filter cannot be read: ${why}`, { cause });
  }
}

function plainGroup(group: Filter, at: string, depth: number): object {
  checkObject(group, at, groupKeys);
  if (depth > MOST_DEPTH) throw new AgentwireFilterError(`${at} is within too many others, or within itself`);
  const { operator, conditions } = group;
  if (!Array.isArray(conditions)) throw wrong(`${at}.conditions`, 'an array of conditions', conditions);
  if (conditions.length > MOST_CONDITIONS)
    throw wrong(`${at}.conditions`, `an array of at most ${MOST_CONDITIONS} conditions`, conditions);
  const plain = Array.from(conditions, (condition, index) => {
    const place = `${at}.conditions[${index}]`;
    if (typeof condition === 'object' && condition !== null && 'conditions' in condition)
      return plainGroup(condition as Filter, place, depth + 1);
    return plainCondition(condition as FilterCondition, place);
  });
  return { operator: text(operator, `${at}.operator`, '"AND" or "OR"'), conditions: plain };
}

function plainCondition(condition: FilterCondition, at: string): object {
  checkObject(condition, at, conditionKeys);
  const { field, operator, value, caseSensitive } = condition;
  if (caseSensitive !== undefined && typeof caseSensitive !== 'boolean')
    throw wrong(`${at}.caseSensitive`, 'a boolean', caseSensitive);
  const plain = {
    field: text(field, `${at}.field`, 'a field path, such as "data.items[0].name"'),
    operator: text(operator, `${at}.operator`, 'one of eq, ne, gt, lt, gte, lte, contains, matches, in, exists'),
    caseSensitive: caseSensitive ?? true,
  };
  if (operator === 'matches' && types.isRegExp(value)) return { ...plain, ...plainExpression(value, plain, at) };
  // What else a value can be wrong in native says; but what cannot be encoded does not get there.
  if (typeof value === 'function' || typeof value === 'symbol' || types.isRegExp(value))
    throw wrong(`${at}.value`, 'a string, a number, a bigint, a boolean, null or a Date', value);
  return { ...plain, value };
}

/** The source of an expression, with those of its flags that say what it matches. */
function plainExpression({ source, flags }: RegExp, { caseSensitive }: { caseSensitive: boolean }, at: string): object {
  const unknown = /[^dgimsu]/.exec(flags);
  if (unknown !== null) {
    throw new AgentwireFilterError(
      `${at}.value must be an expression with no flags but i, m, s, u, g and d; ${unknown[0]} was given`,
    );
  }
  const inline = flags.replace(/[^ms]/g, '');
  return {
    value: inline === '' ? source : `(?${inline})${source}`,
    caseSensitive: caseSensitive && !flags.includes('i'),
  };
}

function checkObject(value: unknown, at: string, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'an object', value);
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw new AgentwireFilterError(`${at} has the unknown property ${JSON.stringify(key)}; it has ${known.join(', ')}`);
  }
}

function text(value: unknown, at: string, expected: string): string {
  if (typeof value !== 'string') throw wrong(at, expected, value);
  return value;
}

function wrong(at: string, expected: string, given: unknown): AgentwireFilterError {
  return new AgentwireFilterError(`${at} must be ${expected}; ${describe(given)} was given`);
}
