// A swarm at work: a chat, a page in a browser, agents and a shell look for the field with the most nectar together.
// The players are in the folder `swarm`. With --once it ends when the story is told, with 1 where a part of it is missing.
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { publicKeyOf } from 'waggle-router/agent';
import { browse, findChromium } from './swarm/browser.js';
import { atEnd, end, play, said, story } from './swarm/stage.js';

/** What must have happened; a router that loses something does not pass. */
const PARTS = {
  'the chat asked, over Bub': /^tg:42 → desk: /,
  'the scout answered, called by its name': /^scout\.relay → desk: .*15 in the west/,
  'worker-1 weighed': /^worker-1 → desk: /,
  'worker-2 weighed': /^worker-2 → desk: /,
  'the signed command came through': /^gate → desk: 54 bees are off to the east/,
  'the scout heard of the flight': /^scout\.relay ← updates\.flight: east/,
  'the chat got its answer': /^desk → tg:42: In the east, 54 mg a trip\./,
  'the shell got its answer': /^desk → shell: questions answered: 1$/,
  'the unsigned command was refused': /^router → shell: yamtam\.error\.unauthorized/,
};

const { once } = parseArgs({ options: { once: { type: 'boolean', default: false } } }).values;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const key = randomBytes(32).toString('hex');
const env = { YAMTAM_AGENT_TOKEN: randomBytes(18).toString('base64url'), DESK_PUBLIC_KEY: publicKeyOf(key) };
const run = (name, file, args = [], more = {}) =>
  play(name, process.execPath, [here(file), ...args], { ...env, YAMTAM_AGENT_ID: name, ...more });

process.on('SIGINT', () => end());
process.on('SIGTERM', () => end());
try {
  await perform();
} catch (error) {
  // Told to end, or a player failed and said why.
  if (error.name === 'AbortError') process.exitCode ??= 0;
  else console.log(error.message);
  end(process.exitCode ?? 1);
}

async function perform() {
  console.log('A chat speaks Bub, a page in a browser relay, agents speak WAMP, a shell has `waggle call`: one swarm.');
  run('router', '../dist/main.js', ['start', '--config', here('swarm/router.yaml')]);
  for (const [name, protocol] of Object.entries({ WAGGLE_URL: 'wamp', BUB_URL: 'bub-v2', RELAY_URL: 'relay' })) {
    [, env[name]] = await said(new RegExp(`^listening (\\S+) ${protocol}$`));
  }
  run('desk', 'swarm/desk.js', [], { DESK_KEY: key });
  run('gate', 'swarm/gate.js');
  for (const worker of ['worker-1', 'worker-2']) run(worker, 'swarm/worker.js');
  const scout = await openPage();
  for (const agent of ['desk', 'gate', 'worker-1', 'worker-2']) await said(new RegExp(`^${agent} is ready`));

  await run('chat', 'swarm/chat.js').ended;
  await said(/← updates\.flight/);
  play('shell', 'sh', [here('swarm/status.sh')], env);
  await said(/^router → shell: /);

  const missing = Object.keys(PARTS).filter((part) => !story.some((text) => PARTS[part].test(text)));
  for (const part of missing) console.log(`FAILED: ${part}`);
  if (missing.length === 0) console.log('ok: everybody played their part');
  if (once || missing.length > 0) end(missing.length === 0 ? 0 : 1);
  else stay(scout);
}

/** The scout's page, in a browser where there is one; where there is none its code runs in Node. */
async function openPage() {
  run('page', 'swarm/page.js');
  const [, url] = await said(/^listening (http\S+)$/);
  const chromium = findChromium();
  const isHere = said(/^scout\.relay is here/);
  if (chromium !== undefined) {
    const browser = browse(chromium, url);
    atEnd(browser.stop);
    const why = await Promise.race([isHere, browser.ended, delay(30_000, 'shows no page', { ref: false })]);
    if (Array.isArray(why)) {
      console.log(`The scout is a page in headless Chromium: ${url}`);
      return { url, ...browser };
    }
    browser.stop();
    console.log(`${chromium} ${why}.`);
  }
  console.log(`No Chromium to be had (CHROMIUM=path?), so the scout's code runs in Node; its page is ${url}`);
  const standIn = run('scout', 'swarm/scout-stand-in.js');
  await isHere;
  return { url, ...standIn };
}

/** The scout leaves, so that the user's own browser can be it; lines on stdin are questions. */
function stay(scout) {
  scout.stop();
  console.log(`\nThe swarm stays. Be the scout: open ${scout.url} and plant flowers.`);
  console.log('Then ask, as a line here; for example: Send 10 bees to the best field. Ctrl-C ends.');
  const questions = createInterface({ input: process.stdin });
  atEnd(() => questions.close());
  questions.on('line', (question) => run('chat', 'swarm/chat.js', [question]));
}
