/// <reference lib="esnext.disposable" />
export * from './dist/index';
