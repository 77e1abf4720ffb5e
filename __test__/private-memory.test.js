'use strict';

// Native keeps pointers into shared memory only: an ArrayBuffer could be transferred away under them.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { BufferPool, MemoryMappedBuffer, ZeroCopyRingBuffer } = require('agentwire');

const makers = {
  ZeroCopyRingBuffer: () => new ZeroCopyRingBuffer(16, 64),
  MemoryMappedBuffer: () => new MemoryMappedBuffer(64),
  BufferPool: () => new BufferPool(64, 4),
};

/** An ArrayBuffer with the same content that claims to be shared. */
function impostor(buffer) {
  const { byteLength } = buffer;
  const copy = new ArrayBuffer(byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer));
  Object.setPrototypeOf(copy, SharedArrayBuffer.prototype);
  return Object.defineProperties(copy, { growable: { value: false }, byteLength: { value: byteLength } });
}

for (const [name, make] of Object.entries(makers)) {
  it(`${name}.attach takes no ArrayBuffer, whatever it pretends to be`, () => {
    const made = make();
    const { attach } = made.constructor;
    assert.throws(() => attach.call(made.constructor, impostor(made.buffer)), { code: 'ERR_AGENTWIRE_ARGUMENT' });
  });

  it(`the constructor of ${name} takes no memory`, () => {
    const made = make();
    const copy = new Uint8Array(impostor(made.buffer));
    for (const args of [[copy], [copy, 0], [16, 64, copy], [{ memory: copy }, 0]]) {
      let built;
      try {
        built = new made.constructor(...args);
      } catch (error) {
        assert.match(error.code, /^ERR_AGENTWIRE_/);
        continue;
      }
      assert.notEqual(built.buffer, copy.buffer);
    }
  });
}
