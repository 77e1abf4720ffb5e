import { types } from 'node:util';
import { EncodedMessage, malformedTag } from '../encoded-message';
import type { Encoder } from '../encoder';
import { setOwn } from '../shapes';
import { isContainer, unsupportedKind } from '../unsupported';
import { EXTRA_TAG, type Field, fits } from './fields';
import { givenFor, isLeftOut, type Plan, toleratesStrangers } from './plan';
import { unknownFields } from './unknown-fields';

/** Thrown (as it is, without a stack) when a value is no message of the definition; `problemIn` finds out why. */
export const MISFIT = Symbol('not a message of the definition');

/** True for an object whose properties are all there is to it. */
export function isRecord(value: unknown, encoder: Encoder | null): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || encoder?.isPlainPrototype(prototype)) return true;
  if (Array.isArray(value) || !isContainer(value) || types.isMap(value) || types.isSet(value)) return false;
  return !(value instanceof EncodedMessage) && unsupportedKind(value) === undefined;
}

/**
 * What a message is written with besides its fields, by tag: the unknown fields that it came with, and its extra properties as one
 * object. Undefined for nothing. Throws MISFIT for what is wrong.
 */
export function othersOf(plan: Plan, value: object): Map<number, unknown> | undefined {
  let others: Map<number, unknown> | undefined;
  const kept = (value as { [unknownFields]?: unknown })[unknownFields];
  if (kept !== undefined) {
    if (!types.isMap(kept) || malformedTag(kept) !== undefined) throw MISFIT;
    others = new Map<number, unknown>();
    for (const [tag, entry] of kept as Map<number, unknown>) {
      const field = plan.fieldOf.get(tag);
      if (field === undefined) {
        others.set(tag, entry);
      } else if (isLeftOut(field, givenFor(field, value))) {
        // The definition that read the message did not know the field, or not this member; this one does, or may keep it.
        if (!isKeepable(field, entry)) throw MISFIT;
        others.set(tag, entry);
      }
    }
    if (others.has(EXTRA_TAG) && !isPlain(others.get(EXTRA_TAG))) throw MISFIT;
  }
  let extra: object | undefined;
  for (const key in value) {
    if (!isExtra(plan, value, key)) continue;
    if (!plan.keepsExtra) throw MISFIT;
    extra ??= { ...(others?.get(EXTRA_TAG) as object | undefined) };
    setOwn(extra, key, (value as Record<string, unknown>)[key]);
  }
  if (extra !== undefined) {
    others ??= new Map<number, unknown>();
    others.set(EXTRA_TAG, extra);
  }
  return others;
}

/** True for a property that is no field. One that is undefined counts only where such properties are kept. */
export function isExtra(plan: Plan, value: object, key: string): boolean {
  if (plan.positions.has(key) || !Object.hasOwn(value, key)) return false;
  return plan.keepsExtra || (value as Record<string, unknown>)[key] !== undefined;
}

/** True for a value, read without the definition, that the field's reader takes. */
export function isKeepable(field: Field, value: unknown): boolean {
  if (field.repeated) return Array.isArray(value) && value.every((element) => isKeepableElement(field, element));
  return isKeepableElement(field, value) || (toleratesStrangers(field) && typeof value === 'string');
}

function isKeepableElement(field: Field, value: unknown): boolean {
  if (field.kind === 'message') return value instanceof EncodedMessage && value.fingerprint === 0;
  return fits(field, value);
}

/** True for an object as the decoder makes them. */
export function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
