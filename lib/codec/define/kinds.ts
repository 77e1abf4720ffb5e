import { types } from 'node:util';

/** What a field holds, with `enum` for lists of strings and `message` for other definitions. */
export type Kind =
  | 'string'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'bigint'
  | 'time'
  | 'bytes'
  | 'date'
  | 'any'
  | 'enum'
  | 'message';

interface KindRules {
  /** Completes "must be". */
  expected: string;
  fits(value: unknown): boolean;
  /** The same as source text, of a variable. */
  test(variable: string): string;
  /** True when a default may stand in: of values that nobody can change. */
  mayDefault: boolean;
}

/** The kinds whose values can be told without knowing more of the field. */
export const rules: Record<Exclude<Kind, 'enum' | 'message'>, KindRules> = {
  string: {
    expected: 'a string',
    fits: (value) => typeof value === 'string',
    test: (variable) => `typeof ${variable} === 'string'`,
    mayDefault: true,
  },
  number: {
    expected: 'a number',
    fits: (value) => typeof value === 'number',
    test: (variable) => `typeof ${variable} === 'number'`,
    mayDefault: true,
  },
  integer: {
    expected: 'an integer from -(2^53 - 1) to 2^53 - 1',
    fits: Number.isSafeInteger,
    test: (variable) => `isSafeInteger(${variable})`,
    mayDefault: true,
  },
  boolean: {
    expected: 'true or false',
    fits: (value) => typeof value === 'boolean',
    test: (variable) => `typeof ${variable} === 'boolean'`,
    mayDefault: true,
  },
  bigint: {
    expected: 'a bigint',
    fits: (value) => typeof value === 'bigint',
    test: (variable) => `typeof ${variable} === 'bigint'`,
    mayDefault: true,
  },
  time: {
    expected: 'a time, which is a finite number or a bigint',
    fits: (value) => typeof value === 'bigint' || Number.isFinite(value),
    test: (variable) => `(typeof ${variable} === 'bigint' || isFinite(${variable}))`,
    mayDefault: true,
  },
  bytes: {
    expected: 'a Uint8Array',
    fits: types.isUint8Array,
    test: (variable) => `isUint8Array(${variable})`,
    mayDefault: false,
  },
  date: { expected: 'a Date', fits: types.isDate, test: (variable) => `isDate(${variable})`, mayDefault: false },
  any: { expected: 'a value', fits: () => true, test: () => 'true', mayDefault: false },
};

/** What the source of `test` refers to. */
export const testScope: Readonly<Record<string, unknown>> = {
  isSafeInteger: Number.isSafeInteger,
  isFinite: Number.isFinite,
  isUint8Array: types.isUint8Array,
  isDate: types.isDate,
};
