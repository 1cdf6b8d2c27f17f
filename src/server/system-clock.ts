import type { Clock } from '../router/clock.ts';

/** Real time. Timers do not keep a stopping process alive. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
