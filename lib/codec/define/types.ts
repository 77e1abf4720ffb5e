import type { MessageDefinition } from './definition';

/** What the types of fields that have a name hold. */
interface NamedTypes {
  string: string;
  /** Any number. */
  number: number;
  /** An integer between -(2^53 - 1) and 2^53 - 1. */
  integer: number;
  boolean: boolean;
  bigint: bigint;
  /** A time in whatever unit: a finite number or a bigint, kept as it is given. */
  time: number | bigint;
  /** A Uint8Array (a Buffer is one). */
  bytes: Uint8Array;
  date: Date;
  /** Whatever the wire format carries: JSON values, bigint, Date, Map, Set, typed arrays, undefined. */
  any: unknown;
}

type AnyDefinition = MessageDefinition<unknown, unknown>;

interface FieldBase {
  /** Names the field in the bytes, for ever: 1 to 2,097,150, once in a message. Below 128 it takes one byte. */
  readonly tag: number;
  /** The field may be absent. */
  readonly optional?: boolean;
  /** The field holds an array of the type. One that is absent is read as an empty array, unless it is optional. */
  readonly repeated?: boolean;
}

/** What `default` may be for a type: a value that nobody can change. It stands in for an absent field on reading. */
type NamedField = { readonly open?: undefined } & (
  | (FieldBase & { readonly type: 'string'; readonly default?: string })
  | (FieldBase & { readonly type: 'number' | 'integer'; readonly default?: number })
  | (FieldBase & { readonly type: 'boolean'; readonly default?: boolean })
  | (FieldBase & { readonly type: 'bigint'; readonly default?: bigint })
  | (FieldBase & { readonly type: 'time'; readonly default?: number | bigint })
  | (FieldBase & { readonly type: 'bytes' | 'date' | 'any'; readonly default?: undefined })
);

interface EnumField extends FieldBase {
  /** The members of an enum. */
  readonly type: readonly string[];
  readonly default?: string;
  /** Takes strings that are no members too; otherwise they are refused. */
  readonly open?: boolean;
}

interface NestedField extends FieldBase {
  /** A definition, or a function that gives it: for one that is not there yet, such as the definition itself. */
  readonly type: AnyDefinition | (() => AnyDefinition);
  readonly default?: undefined;
  readonly open?: undefined;
}

/** One field of a message. */
export type FieldSpec = NamedField | EnumField | NestedField;
/** The fields of a message by name. */
export type FieldSpecs = Readonly<Record<string, FieldSpec>>;
/** Finds misspelt options of fields, which a type that is inferred would just have. */
export type NoOtherOptions<F extends FieldSpecs> = {
  readonly [K in keyof F]: { readonly [O in Exclude<keyof F[K], keyof EnumField>]?: never };
};
/** What to do with properties that are no fields. */
export type ExtraProperties = 'keep' | 'refuse';

/** The value of a field's type, as it is read. */
type ReadValue<T, Open> = T extends keyof NamedTypes
  ? NamedTypes[T]
  : T extends readonly (infer M extends string)[]
    ? Open extends true
      ? M | (string & {})
      : M
    : T extends MessageDefinition<infer Read, infer _>
      ? Read
      : T extends () => MessageDefinition<infer Read, infer _>
        ? Read
        : never;

/** The value of a field's type, as it may be given. */
type GivenValue<T, Open> =
  T extends MessageDefinition<infer _, infer Given>
    ? Given
    : T extends () => MessageDefinition<infer _, infer Given>
      ? Given
      : ReadValue<T, Open>;

type OpenOf<S> = S extends { readonly open: true } ? true : false;
type ReadField<S extends FieldSpec> = S extends { readonly repeated: true }
  ? ReadValue<S['type'], OpenOf<S>>[]
  : ReadValue<S['type'], OpenOf<S>>;
type GivenField<S extends FieldSpec> = S extends { readonly repeated: true }
  ? readonly GivenValue<S['type'], OpenOf<S>>[]
  : GivenValue<S['type'], OpenOf<S>>;

type IsOptional<S> = S extends { readonly default: NonNullable<unknown> }
  ? false
  : S extends { readonly optional: true }
    ? true
    : false;
type MayBeLeftOut<S> = S extends
  | { readonly optional: true }
  | { readonly repeated: true }
  | { readonly default: NonNullable<unknown> }
  ? true
  : false;

/** Shows an intersection as one object type. */
type Flat<T> = { [K in keyof T]: T[K] } & {};
type Extras<X> = X extends 'keep' ? { [property: string]: unknown } : unknown;

/** What reading a message of these fields gives. */
export type ReadMessage<F extends FieldSpecs, X> = Flat<
  { -readonly [K in keyof F as IsOptional<F[K]> extends true ? never : K]: ReadField<F[K]> } & {
    -readonly [K in keyof F as IsOptional<F[K]> extends true ? K : never]?: ReadField<F[K]>;
  } & Extras<X>
>;

/** What may be given to write a message of these fields. */
export type GivenMessage<F extends FieldSpecs, X> = Flat<
  { readonly [K in keyof F as MayBeLeftOut<F[K]> extends true ? never : K]: GivenField<F[K]> } & {
    readonly [K in keyof F as MayBeLeftOut<F[K]> extends true ? K : never]?: GivenField<F[K]> | undefined;
  } & Extras<X>
>;

/** What may be given to write what is read as T, where there are no fields with a default. */
export type GivenOf<T> = T extends Uint8Array | Date
  ? T
  : T extends readonly (infer E)[]
    ? readonly GivenOf<E>[]
    : T extends object
      ? Flat<
          { readonly [K in keyof T as IsLoose<T, K> extends true ? never : K]: GivenOf<T[K]> } & {
            readonly [K in keyof T as IsLoose<T, K> extends true ? K : never]?: GivenOf<T[K]> | undefined;
          }
        >
      : T;
/** True for a property that may be absent, or is an array. */
type IsLoose<T, K extends keyof T> = object extends Pick<T, K> ? true : T[K] extends readonly unknown[] ? true : false;

/** The type of a definition's messages: `type Task = MessageOf<typeof Task>`. */
export type MessageOf<D> = D extends MessageDefinition<infer Read, infer _> ? Read : never;
/** What a definition's `encode` takes: as MessageOf, with readonly arrays, and repeated fields and those with a default optional. */
export type MessageInputOf<D> = D extends MessageDefinition<infer _, infer Given> ? Given : never;
