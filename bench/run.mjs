/**
 * What a message costs in the router, beside the least a router in Node can cost and, where asked for, fox-wamp: CPU of
 * the router's process per call, event or session, all measured in one run, turn by turn. Linux only, as CPU is read
 * from /proc. Ratios are what to look at: single figures move with whatever else the machine does.
 *
 *     npm run bench                          one table, about four minutes
 *     npm run bench -- --quick               the cases of the check below, about half a minute
 *     npm run bench -- --check               as --quick, and exit 1 where Waggle costs grossly more than it should
 *     npm run bench -- --fox                 with fox-wamp, which is fetched from npm then
 *     npm run bench -- --case 'rpc json'     cases whose name contains that
 *     npm run bench -- --rounds 3 --seconds 3
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { foxWamp } from './fox-wamp.mjs';
import { CASES } from './lib/cases.mjs';
import { cpuMicros, start } from './lib/target.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    fox: { type: 'boolean', default: false },
    case: { type: 'string', default: '' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
});
/** How much longer than asked a measurement may take on a busy machine. */
const LONGEST_MS = 15_000;
const short = options.quick || options.check;
const rounds = Number(options.rounds ?? (short ? 2 : 3));
const seconds = Number(options.seconds ?? (short ? 1 : 3));
const ROOT = fileURLToPath(new URL('..', import.meta.url));

const waggle = {
  name: 'waggle',
  command: process.execPath,
  args: [join(ROOT, 'dist', 'main.js'), 'start', '--config', join(ROOT, 'bench', 'router.yaml')],
  env: { PORT: '{port}' },
};
const nothing = { name: 'null', command: process.execPath, args: [join(ROOT, 'bench', 'null-router.mjs'), '{port}'] };

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Waits until `count` has grown by `units` and `ms` have passed: what a busy machine makes slow is measured for longer,
 * so that the compiler of the engine has seen the same and the clock's ticks weigh the same. Bounded.
 */
async function until(count, units, ms) {
  const [from, begin] = [count.done, performance.now()];
  for (;;) {
    await wait(50);
    const passed = performance.now() - begin;
    if ((passed >= ms && count.done - from >= units) || passed > ms + LONGEST_MS) return passed;
  }
}

/** Microseconds of router CPU per unit, after a warm-up. */
async function measure(router, { load, options: loadOptions, units: enough }) {
  const target = await start(router);
  try {
    const running = await load(target, loadOptions);
    await until(running.count, enough, seconds * 500);
    const [done, cpu] = [running.count.done, cpuMicros(target.pid)];
    const ms = await until(running.count, enough, seconds * 1000);
    const [units, spent] = [running.count.done - done, cpuMicros(target.pid) - cpu];
    await running.close();
    if (units === 0) throw new Error(`${router.name}: nothing was delivered`);
    return { cost: spent / units, rate: units / (ms / 1000), unit: running.unit };
  } finally {
    await target.stop();
  }
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const routers = [waggle, nothing, ...(options.fox ? [await foxWamp()] : [])];
const cases = CASES.filter(({ name, quick }) => name.includes(options.case) && (!short || quick));
const failures = [];

console.log(
  `Microseconds of router CPU, median of ${rounds} rounds of ${seconds} s; in parentheses thousands a second.\n`,
);
console.log(`| case | per | ${routers.map(({ name }) => name).join(' | ')} | waggle ÷ null |`);
console.log(`|---|---|${routers.map(() => '---:|').join('')}---:|`);
for (const each of cases) {
  const results = routers.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, router] of routers.entries()) {
      if (!(router.skips?.(each.name) ?? false)) results[i].push(await measure(router, each));
    }
  }
  const costs = results.map((rows) => median(rows.map(({ cost }) => cost)));
  const cells = results.map((rows, i) =>
    rows.length === 0 ? 'n/a' : `${costs[i].toFixed(2)} (${(median(rows.map(({ rate }) => rate)) / 1000).toFixed(1)})`,
  );
  // Of all pairs that ran side by side the lowest: noise makes ratios larger, a regression makes all of them larger.
  const ratios = results[0].map(({ cost }, round) => cost / results[1][round].cost);
  const ratio = median([...ratios]);
  if (options.check && Math.min(...ratios) > each.gross)
    failures.push(`${each.name}: ${ratio.toFixed(2)} × null, at most ${each.gross}`);
  console.log(`| ${each.name} | ${results[0][0].unit} | ${cells.join(' | ')} | ${ratio.toFixed(2)} |`);
}
for (const failure of failures) console.error(`\ncosts grossly more than it should: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
