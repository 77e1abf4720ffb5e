'use strict';

// Programs in a terminal: in tmux, which knows what a person would see, and in a bare pseudo-terminal, which tells every byte.

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { waitUntil } = require('./helpers.js');

const runs = (program, ...args) => spawnSync(program, args, { timeout: 60_000 }).status === 0;
const hasTmux = runs('tmux', '-V');
const hasPython = process.platform !== 'win32' && runs('python3', '-c', 'import pty');

class Tmux {
  /** Runs a line of shell in a terminal of that size. */
  static start(t, line, { columns = 100, rows = 30 } = {}) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwire-tmux-'));
    const tmux = new Tmux(path.join(folder, 'socket'));
    t.after(() => {
      tmux.run('kill-server');
      fs.rmSync(folder, { recursive: true, force: true });
    });
    tmux.run('-f', '/dev/null', 'new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, `${line}; sleep 1000`);
    return tmux;
  }

  /** A server of its own, which nobody else sees. */
  constructor(socket) {
    this.socket = socket;
  }

  run(...args) {
    return spawnSync('tmux', ['-S', this.socket, ...args], { encoding: 'utf8' }).stdout;
  }

  /** What stands on the screen. */
  get screen() {
    return this.run('capture-pane', '-p');
  }

  press(...keys) {
    this.run('send-keys', ...keys);
  }

  resize(columns, rows) {
    this.run('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  }

  until(pattern) {
    return waitUntil(() => pattern.test(this.screen), `${pattern} on the screen`).catch((error) => {
      throw new Error(`${error.message}; there is:\n${this.screen}`);
    });
  }
}

/** Copies both ways, as a terminal's program does; the exit code is that of what runs inside. */
const copier = `
import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))`;

class PseudoTerminal {
  written = '';

  constructor(t, args, env = {}) {
    const options = { env: { ...process.env, TERM: 'xterm', ...env } };
    this.child = spawn('python3', ['-c', copier, ...args], options);
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.written += text;
    });
    this.child.stdin.on('error', () => {});
    this.exited = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
    t.after(() => this.child.kill('SIGKILL'));
  }

  press(keys) {
    this.child.stdin.write(keys);
  }

  until(text) {
    return waitUntil(() => this.written.includes(text), JSON.stringify(text)).catch((error) => {
      throw new Error(`${error.message}; there is: ${JSON.stringify(this.written.slice(-3000))}`);
    });
  }
}

module.exports = { hasPython, hasTmux, PseudoTerminal, Tmux };
