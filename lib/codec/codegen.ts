/**
 * Whether this runtime compiles source text (`--disallow-code-generation-from-strings` and some embedders forbid it). What is
 * generated from shapes is several times as fast as closures over key lists; where it is forbidden, closures do the same.
 */
export const mayGenerateCode: boolean = (() => {
  try {
    return new Function('return true')() === true;
  } catch {
    return false;
  }
})();

/** Source of a property name in an object literal. Computed for `__proto__`, which would set the prototype otherwise. */
export function propertySource(key: string): string {
  return key === '__proto__' ? '["__proto__"]' : JSON.stringify(key);
}
