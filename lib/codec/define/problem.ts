import { types } from 'node:util';
import { describe, quote } from '../../errors';
import { CodecLimit } from '../../generated/layout';
import { malformedTag } from '../encoded-message';
import { AgentwireValueError, findUnsupported, propertyStep } from '../unsupported';
import { expectedOf, type Field, fits } from './fields';
import { isExtra, isRecord, MISFIT, othersOf } from './kept';
import { givenFor, isLeftOut, isRequired, type Plan } from './plan';
import { unknownFields } from './unknown-fields';

/** Looks for what keeps a value from being a message of the definition; undefined when nothing does. */
export function problemIn(plan: Plan, value: unknown): AgentwireValueError | undefined {
  const found = inMessage(plan, value, '$', []);
  if (found === undefined) return undefined;
  return new AgentwireValueError(found.code, `message ${quote(plan.name)}: ${found.message}`, found.path);
}

function misfit(path: string, reason: string): AgentwireValueError {
  return new AgentwireValueError('ERR_AGENTWIRE_INVALID_MESSAGE', `${path} ${reason}`, path);
}

function inMessage(
  plan: Plan,
  value: unknown,
  path: string,
  ancestors: readonly unknown[],
): AgentwireValueError | undefined {
  if (!isRecord(value, null)) {
    return misfit(path, `must be a message ${quote(plan.name)}, an object; ${describe(value)} was given`);
  }
  const nesting = inNesting(value, path, ancestors);
  if (nesting !== undefined) return nesting;
  const within = [...ancestors, value];
  for (const field of plan.fieldList) {
    const given = givenFor(field, value);
    if (isLeftOut(field, given)) continue;
    const found = inField(field, given, path + propertyStep(field.name), within);
    if (found !== undefined) return found;
  }
  return inOthers(plan, value, path, within);
}

/** Refuses cycles, and what is nested too deep. */
function inNesting(value: object, path: string, ancestors: readonly unknown[]): AgentwireValueError | undefined {
  if (!ancestors.includes(value) && ancestors.length < CodecLimit.MaxDepth) return undefined;
  // It knows the words for it, and looks at nothing else first.
  return findUnsupported(value, path, [...ancestors]);
}

function inField(
  field: Field,
  value: unknown,
  path: string,
  ancestors: readonly unknown[],
): AgentwireValueError | undefined {
  if (!field.repeated) return inValue(field, value, path, ancestors);
  if (!Array.isArray(value)) return misfit(path, `must be an array; ${describe(value)} was given`);
  if (field.kind === 'any') return findUnsupported(value, path, [...ancestors]);
  const nesting = inNesting(value, path, ancestors);
  if (nesting !== undefined) return nesting;
  const within = [...ancestors, value];
  for (let index = 0; index < value.length; index++) {
    const found = inValue(field, value[index], `${path}[${index}]`, within);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inValue(
  field: Field,
  value: unknown,
  path: string,
  ancestors: readonly unknown[],
): AgentwireValueError | undefined {
  if (field.kind === 'message') return inMessage(field.nested().plan, value, path, ancestors);
  if (!fits(field, value)) return misfit(path, `must be ${expectedOf(field)}; ${describe(value)} was given`);
  return findUnsupported(value, path, [...ancestors]);
}

/** Looks at the fields that are missing, and at what is no field. */
function inOthers(
  plan: Plan,
  value: object,
  path: string,
  ancestors: readonly unknown[],
): AgentwireValueError | undefined {
  if (!plan.keepsExtra) {
    for (const key in value) {
      if (!isExtra(plan, value, key)) continue;
      const names = plan.fieldList.map(({ name }) => quote(name)).join(', ');
      const remedy = `it has ${names || 'none'}; remove the property, or define the message with {extra: 'keep'}`;
      return misfit(path + propertyStep(key), `is no field of ${quote(plan.name)}: ${remedy}`);
    }
  }
  const kept = (value as { [unknownFields]?: unknown })[unknownFields];
  let others: Map<number, unknown> | undefined;
  try {
    others = othersOf(plan, value);
  } catch (error) {
    if (error !== MISFIT) throw error;
    const keptPath = `${path}[unknownFields]`;
    const wrong = types.isMap(kept) ? malformedTag(kept) : undefined;
    const reason = wrong === undefined ? '' : ` (${wrong.part} must be ${wrong.expected})`;
    return misfit(keptPath, `must be what decode put there, a Map of values by tag${reason}`);
  }
  for (const field of plan.fieldList) {
    if (!isRequired(field) || others?.has(field.tag) || !isLeftOut(field, givenFor(field, value))) continue;
    const step = path + propertyStep(field.name);
    return misfit(step, `is missing; it must be ${expectedOf(field)}`);
  }
  for (const key of plan.keepsExtra ? Object.keys(value) : []) {
    if (plan.positions.has(key)) continue;
    // They travel in an object of their own, which is a level of nesting.
    const found = findUnsupported((value as Record<string, unknown>)[key], path + propertyStep(key), [
      ...ancestors,
      {},
    ]);
    if (found !== undefined) return found;
  }
  for (const [tag, entry] of types.isMap(kept) ? kept : []) {
    const found = findUnsupported(entry, `${path}[unknownFields].get(${tag})`, [...ancestors]);
    if (found !== undefined) return found;
  }
  return undefined;
}
