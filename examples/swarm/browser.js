// A Chromium without a window, where one is installed.
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
const FLAGS = ['--headless', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-sync'];
FLAGS.push('--disable-background-networking', '--disable-component-update');
// Chromium has no sandbox for root; the page is our own.
if (process.getuid?.() === 0) FLAGS.push('--no-sandbox');

/** Path of the browser: what CHROMIUM says, else what the PATH has; undefined: there is none. */
export function findChromium({ CHROMIUM, PATH = '' } = process.env) {
  const onPath = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return (CHROMIUM ? [CHROMIUM] : [...onPath, MAC]).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Opens `url` with a profile of its own. `ended` says how; `stop` ends it, with the helpers that it starts. */
export function browse(chromium, url) {
  const profile = mkdtempSync(join(tmpdir(), 'waggle-demo-'));
  // In a process group of its own, so that it can be ended as a whole.
  const browser = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => {
    browser.once('error', (error) => resolve(`does not start: ${error.code}`));
    browser.once('exit', (code, signal) => resolve(`ended with ${signal ?? code}`));
  });
  let isOver = false;
  ended.then(() => {
    isOver = true;
    try {
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    } catch {
      // A helper that is still ending has a file there. The folder is a temporary one.
    }
  });
  const stop = () => isOver || browser.pid === undefined || process.kill(-browser.pid, 'SIGKILL');
  return { ended, stop };
}
