// Starts a router and a handful of agents, each a process of its own, and prints what happens.
// Says which steps worked. With --once it ends then, and where one did not: exit code 0 or 1.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const env = { ...process.env, YAMTAM_AGENT_TOKEN: randomBytes(18).toString('base64url') };
const children = new Set();
const heard = [];
let failed = false;
let ending = false;

/** Starts a child and prints its lines behind its name. */
function run(name, args, extra, shade) {
  const child = spawn(process.execPath, args, { env: { ...env, ...extra }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const label = `${name.padEnd(12)}│ `;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      heard.push(`${name}: ${line}`);
      console.log(colour ? `\u001b[${shade}m${label}\u001b[0m${line}` : `${label}${line}`);
      child.emit('line', line);
    });
  }
  child.on('exit', (code) => {
    children.delete(child);
    if (!ending && code !== 0) {
      console.log(`${label}ended with code ${code}`);
      failed = true;
      end();
    }
  });
  return child;
}

/** Resolves with the first line of `child` that matches. */
function line(child, pattern) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no line like ${pattern} within 20 s`)), 20_000);
    child.on('line', (text) => {
      const match = pattern.exec(text);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match);
    });
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`ended before a line like ${pattern}`));
    });
  });
}

function end() {
  if (ending) return;
  ending = true;
  for (const child of children) child.kill('SIGTERM');
  setTimeout(() => {
    for (const child of children) child.kill('SIGKILL');
  }, 5000).unref();
  process.exitCode = failed ? 1 : 0;
}

/** What the story must contain; a router that loses something does not pass. */
function verify() {
  const wanted = [
    [
      'the monitor saw all tasks complete',
      heard.filter((text) => /^monitor: task \d+ complete/.test(text)).length === 6,
    ],
    [
      'the monitor saw every worker through its wildcard',
      ['1', '2', '3'].every((n) =>
        heard.some((text) => text.startsWith(`monitor: yamtam.agent.worker-${n}.status: idle`)),
      ),
    ],
    ['the planner had answers of all three workers', heard.some((text) => text.includes('6 answers from 3 workers'))],
    ['the tool runner answered', heard.some((text) => text.includes('the tool runner says waggle'))],
    [
      'an application error crossed whole',
      heard.some((text) => text.includes('refused as it should be: yamtam.error.unknown-tool')),
    ],
  ];
  for (const [what, held] of wanted) {
    console.log(`${held ? 'ok    ' : 'FAILED'} ${what}`);
    if (!held) failed = true;
  }
}

process.on('SIGINT', end);
process.on('SIGTERM', end);

try {
  const router = run('router', [here('../dist/main.js'), 'start', '--config', here('demo/router.yaml')], {}, 90);
  const [, url] = await line(router, /^listening (ws:\/\/\S+) wamp/);
  env.WAGGLE_URL = url;
  const agent = (name, file, shade) => run(name, [here(file)], { YAMTAM_AGENT_ID: name }, shade);

  const monitor = agent('monitor', 'monitor.js', 36);
  await line(monitor, /^watching/);
  const ready = ['worker-1', 'worker-2', 'worker-3'].map((name) => line(agent(name, 'worker.js', 32), /^ready/));
  ready.push(line(agent('tool-runner', 'tool-runner.js', 35), /^ready/));
  await Promise.all(ready);

  const planner = agent('planner', 'planner.js', 33);
  const code = await new Promise((resolve) => planner.once('exit', resolve));
  if (code !== 0) failed = true;
  // The last events are on their way to the monitor's terminal.
  await new Promise((resolve) => setTimeout(resolve, 500));
  verify();
  if (options.once || failed) {
    end();
  } else {
    console.log(
      `The agents stay. Join them:  YAMTAM_AGENT_ID=visitor YAMTAM_AGENT_TOKEN=${env.YAMTAM_AGENT_TOKEN} WAGGLE_URL=${url} node examples/monitor.js   (Ctrl-C ends)`,
    );
  }
} catch (error) {
  if (!ending) console.error(String(error.message));
  failed = true;
  end();
}
