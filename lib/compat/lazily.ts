/** Stands for an object that is made when it is first used. Looks and behaves like it; `instanceof` does not make it. */
export function lazily<T extends object>(prototype: T, make: () => T): T {
  let made: T | undefined;
  const bound = new Map<PropertyKey, unknown>();
  const get = (): T => {
    made ??= make();
    return made;
  };
  return new Proxy(Object.create(prototype) as T, {
    get: (_target, key) => {
      const instance = get();
      const value: unknown = Reflect.get(instance, key, instance);
      if (typeof value !== 'function' || key === 'constructor') return value;
      // Methods need the object itself, which has private fields.
      let method = bound.get(key);
      if (method === undefined) {
        method = value.bind(instance);
        bound.set(key, method);
      }
      return method;
    },
    set: (_target, key, value) => {
      bound.delete(key);
      return Reflect.set(get(), key, value);
    },
    has: (_target, key) => Reflect.has(get(), key),
  });
}
