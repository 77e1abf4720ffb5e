/** How a payload is compressed. */
export const CompressionType = {
  NONE: 0,
  ZSTD: 1,
  LZ4: 2,
  SNAPPY: 3,
} as const;
export type CompressionType = (typeof CompressionType)[keyof typeof CompressionType];
