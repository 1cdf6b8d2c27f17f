/**
 * A process that logs 5,000 rows a second until it is killed: `activity-program.ts FILE`. Says on stdout how many rows
 * it has recorded so far, at each point in time.
 */
import { ActivityLog } from '../../src/observe/activity/activity-log.ts';

const [, , file = ''] = process.argv;
const log = await ActivityLog.open({
  file,
  whenFull: 'block',
  clock: {
    now: () => Date.now(),
    setTimer(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  },
  onProblem: ({ text }) => process.stderr.write(`${text}\n`),
});

const started = performance.now();
let recorded = 0;
setInterval(() => {
  const due = (performance.now() - started) * 5;
  for (; recorded < due; recorded += 1) {
    log.record({
      event: 'send_start',
      messageId: `m${recorded}`,
      rpcId: '',
      actor: 'tg:1',
      topic: 'system:spawn',
      status: 'start',
      payloadJson: JSON.stringify({ text: 'x'.repeat(200) }),
      error: '',
    });
  }
  process.stdout.write(`${Date.now()} ${recorded}\n`);
}, 5);
