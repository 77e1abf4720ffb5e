import { clearInterval, clearTimeout, setInterval, setTimeout } from 'node:timers';

// Kept from the start: a test that puts fake timers in the globals must not stop the bus.
export const startTimer = setTimeout;
export const stopTimer = clearTimeout;
export const startRepeating = setInterval;
export const stopRepeating = clearInterval;

/** The longest delay of a timer, ms. */
export const LONGEST_DELAY_MS = 2 ** 31 - 1;
