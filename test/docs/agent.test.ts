/** The programs of docs/agent.md, run as the page has them, and what it says that they print. */
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startRouter } from '../support/start-router.ts';
import { build, folderOf, ROOT, spawnCommand } from '../support/waggle-process.ts';

const TICKET = 'the ticket of all agents';
const page = readFileSync(join(ROOT, 'docs/agent.md'), 'utf8');

/** Heading, program, and what it prints. */
const programs = page.split(/^## /m).flatMap((section) => {
  const [heading = ''] = section.split('\n', 1);
  const found = [...section.matchAll(/```js\n([\s\S]*?)```(?:\n\nprints\n\n```\n([\s\S]*?)```)?/g)];
  return found.map(([, program = '', prints = '']) => ({ heading, program, prints }));
});

beforeAll(build, 120_000);

describe('docs/agent.md', () => {
  const [joining, ...others] = programs;

  it('begins with how to join, and each other program says what it prints', () => {
    expect(joining?.heading).toBe('Joining');
    expect(others.filter(({ prints }) => prints === '').map(({ heading }) => heading)).toEqual([]);
    expect(others.length).toBeGreaterThan(5);
  });

  it.each(others)('$heading', async ({ program, prints }) => {
    const realm = readFileSync(join(ROOT, 'realms/yamtam-swarm.yaml'), 'utf8');
    const router = await startRouter({ realms: { 'yamtam-swarm': realm }, env: { YAMTAM_AGENT_TOKEN: TICKET } });
    onTestFinished(() => router.stop());
    // The port is the test's; everything else is as printed.
    const here = (text: string): string => text.replaceAll('ws://127.0.0.1:8080/ws', router.url);
    const folder = folderOf({
      'package.json': '{"type":"module"}',
      'node_modules/.keep': '',
      'agent.js': here(joining?.program ?? ''),
      'main.js': here(program),
    });
    symlinkSync(ROOT, join(folder, 'node_modules/waggle-router'));
    const env = { YAMTAM_AGENT_ID: 'worker-1', YAMTAM_AGENT_TOKEN: TICKET };
    const run = spawnCommand(process.execPath, ['main.js'], { cwd: folder, env });
    const { code } = await run.ended;
    expect({ code, out: run.stdout, err: run.stderr }).toEqual({ code: 0, out: prints, err: '' });
  });
});
