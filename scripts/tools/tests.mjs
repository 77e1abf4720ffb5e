// Which JavaScript tests there are, and how Node runs them.
import { relative, sep } from 'node:path';
import { filesBelow } from './files.mjs';
import { root } from './project.mjs';
import { run } from './run.mjs';

/** Test files whose path contains one of the patterns (all of them when there is none). Node 20 expands no globs itself. */
export function findTests(patterns = []) {
  return filesBelow(['__test__'])
    .map((file) => relative(root, file).split(sep).join('/'))
    .filter((file) => /\.test\.[cm]?js$/.test(file) && !file.includes('/fixtures/'))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));
}

/** One file at a time: the tests start threads of their own, and two at once on two cores would disturb each other. */
export function runTests(node, files, options = []) {
  return run(node, ['--test', '--test-concurrency=1', '--test-reporter=spec', ...options, ...files]);
}
