'use strict';

// A process that is killed while it writes a byte stream in a file. AGENTWIRE_KILL_ROUNDS=N kills N times, AGENTWIRE_SEED=S
// repeats a run.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { MemoryMappedBuffer } = require('agentwire');
const { tempFolder } = require('./helpers.js');
const { noise, recordOf, verify } = require('./fixtures/stream.js');
const { bytes, startStream } = require('./byte-streams.js');

/** More rounds: AGENTWIRE_KILL_ROUNDS=2000. */
const killRounds = Number(process.env.AGENTWIRE_KILL_ROUNDS ?? 200);
const seed = Number(process.env.AGENTWIRE_SEED ?? Date.now() % 2 ** 32);

describe('a process that is killed', () => {
  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  /** Starts a child and kills it at a random moment: in the middle of its work, or (rarely) while it starts. */
  async function startAndKill(t, random, ...args) {
    const { child, ended, ready } = await startStream(t, ...args);
    if (random() < 0.15) await sleep(random() * 100);
    else {
      await Promise.race([ready, ended]);
      await sleep(random() * 6);
    }
    child.kill('SIGKILL');
    assert.deepEqual(await ended, { code: null, signal: 'SIGKILL' });
  }

  it(`leaves exactly what it had committed, ${killRounds} times`, async (t) => {
    t.diagnostic(`AGENTWIRE_SEED=${seed}`);
    const folder = tempFolder(t);
    const records = [];
    // Two at a time, each with a file of its own.
    const chain = async (name, rounds) => {
      const random = noise(seed + rounds);
      const file = path.join(folder, name);
      const notesFile = `${file}.notes`;
      const first = MemoryMappedBuffer.open(file, 65_537);
      first.write(recordOf(0));
      first.close();
      fs.writeFileSync(notesFile, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]));
      const notes = fs.openSync(notesFile, 'r+');
      for (let round = 0; round < rounds; round++) {
        const batch = random() < 0.5 ? 1 : 50;
        await startAndKill(t, random, 'records', file, notesFile, batch);
        const stream = MemoryMappedBuffer.open(file);
        const found = verify(stream, notes, batch);
        stream.close();
        // As the next one goes on from here.
        const note = Buffer.alloc(8);
        note.writeUInt32LE(found.next, 0);
        note.writeUInt32LE(found.first, 4);
        fs.writeSync(notes, note, 0, 8, 0);
        if (round === rounds - 1) records.push(found.next);
      }
      fs.closeSync(notes);
    };
    await Promise.all([chain('one', Math.ceil(killRounds / 2)), chain('two', Math.floor(killRounds / 2))]);
    t.diagnostic(`${records.join(' + ')} records`);
    assert.ok(
      records.every((count) => count > killRounds),
      'the children wrote between the kills',
    );
  });

  it('leaves a file that can be opened, or none, when it was just making it', async (t) => {
    t.diagnostic(`AGENTWIRE_SEED=${seed}`);
    const random = noise(seed);
    const folder = tempFolder(t);
    const file = path.join(folder, 'stream');
    const states = { none: 0, empty: 0, unfinished: 0, complete: 0 };
    for (let round = 0; round < Math.ceil(killRounds / 5); round++) {
      await startAndKill(t, random, 'create', file, Math.floor(random() * 2 ** 32));
      assert.ok(
        fs.readdirSync(folder).every((name) => name === 'stream'),
        'something was left behind',
      );
      if (!fs.existsSync(file)) states.none += 1;
      else if (fs.statSync(file).size === 0) states.empty += 1;
      else if (fs.readFileSync(file).subarray(1, 7).toString() === 'AGWNEW') states.unfinished += 1;
      else states.complete += 1;
      const stream = MemoryMappedBuffer.open(file);
      stream.clear();
      assert.equal(stream.write(bytes('x')), true);
      stream.close();
      fs.rmSync(file);
    }
    t.diagnostic(`found: ${JSON.stringify(states)}`);
  });
});
