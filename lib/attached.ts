/** Tells a constructor that what it would make is in this memory already. Not exported by the package: `attach` checks the memory first. */
export class Attached {
  constructor(readonly memory: Uint8Array) {}
}
