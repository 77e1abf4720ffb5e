// One copy of the package whichever way it is loaded: the bus of `import` and the bus of `require` are the same bus.
export * from './index.js';
export { default } from './index.js';
