import { BinaryDecoder } from '../codec/primitives/binary-decoder';
import { BinaryEncoder } from '../codec/primitives/binary-encoder';
import { AgentwireArgumentError } from '../errors';

/** A BinaryEncoder that also has the names of the class that it takes the place of. */
export class UltraFastBinaryEncoder extends BinaryEncoder {
  /** `writeU8` */
  writeUint8(value: number): void {
    this.writeU8(value);
  }

  /** `writeU16` */
  writeUint16(value: number): void {
    this.writeU16(value);
  }

  /** `writeU32` */
  writeUint32(value: number): void {
    this.writeU32(value);
  }

  /** `writeU64` */
  writeUint64(value: bigint): void {
    this.writeU64(value);
  }

  /** `writeF32` */
  writeFloat32(value: number): void {
    this.writeF32(value);
  }

  /** `writeF64` */
  writeFloat64(value: number): void {
    this.writeF64(value);
  }

  /** `writeBool` */
  writeBoolean(value: boolean): void {
    this.writeBool(value);
  }

  /** `finish`, as an ArrayBuffer. */
  getBuffer(): ArrayBuffer {
    return this.finish().buffer as ArrayBuffer;
  }

  /** `view` */
  getUint8Array(): Uint8Array {
    return this.view();
  }
}

/** A BinaryDecoder that also has the names of the class that it takes the place of. */
export class UltraFastBinaryDecoder extends BinaryDecoder {
  /** `readU8` */
  readUint8(): number {
    return this.readU8();
  }

  /** `readU16` */
  readUint16(): number {
    return this.readU16();
  }

  /** `readU32` */
  readUint32(): number {
    return this.readU32();
  }

  /** `readU64` */
  readUint64(): bigint {
    return this.readU64();
  }

  /** `readF32` */
  readFloat32(): number {
    return this.readF32();
  }

  /** `readF64` */
  readFloat64(): number {
    return this.readF64();
  }

  /** `readBool` */
  readBoolean(): boolean {
    return this.readBool();
  }

  /** The bytes carry their length. One that is given, as the original wanted it, is refused: it would be read as `readRaw` does. */
  override readBytes(length?: undefined): Uint8Array {
    if (length === undefined) return super.readBytes();
    const expected = 'left out, as writeBytes writes the length (readRaw(length) reads bytes that writeRaw wrote)';
    throw new AgentwireArgumentError('readBytes(length)', expected, length);
  }
}
