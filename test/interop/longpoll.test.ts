/** Long-poll through a whole router: curl, and the real autobahn-js with the answers that it wants (PITFALLS 90). */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AutobahnSession, autobahn } from '../support/autobahn-client.ts';
import { type Gateway, SCRIPT, SECRETS, startGateway } from '../support/gateway.ts';
import { post } from '../support/longpoll-client.ts';

const curl = promisify(execFile);
const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

const LISTENERS = `
listeners:
  - tcp: 127.0.0.1:0
    endpoints:
      - { path: /ws, protocol: wamp }
      - { path: /lp, protocol: longpoll }
      - { path: /autobahn, protocol: longpoll, emptyStatus: 204 }
      - { path: /api, protocol: http }
`;

let gateway: Gateway;
let base: string;

beforeAll(async () => {
  gateway = await startGateway({ listeners: LISTENERS });
  base = `http://127.0.0.1:${gateway.router.port}`;
});

afterAll(() => gateway.stop());

describe('the steps of the specification', () => {
  const hello = JSON.stringify([1, 'realm1', { roles: { caller: {} } }]);

  it('open, HELLO, WELCOME, a call, GOODBYE', async () => {
    const opened = await post(`${base}/lp/open`, '{"protocols":["wamp.2.json"]}');
    const { transport } = JSON.parse(opened.body.toString()) as { transport: string };
    const url = `${base}/lp/${transport}`;
    expect((await post(`${url}/send`, hello)).status).toBe(202);
    const welcome = JSON.parse((await post(`${url}/receive`)).body.toString()) as [
      number,
      number,
      { authrole: string },
    ];
    expect(welcome).toMatchObject([2, expect.any(Number), { authrole: 'anybody' }]);
    await post(`${url}/send`, '[48,1,{},"com.open.nobody"]');
    expect((await post(`${url}/receive`)).body.toString()).toContain('[8,48,1,{},"wamp.error.no_such_procedure"');
    await post(`${url}/send`, '[6,{},"wamp.close.close_realm"]');
    expect((await post(`${url}/receive`)).body.toString()).toBe('[6,{},"wamp.close.goodbye_and_out"]');
    expect((await post(`${url}/close`)).status).toBe(202);
  });

  it('batches: several messages in one body, each way', async () => {
    const opened = await post(`${base}/lp/open`, '{"protocols":["wamp.2.json.batched"]}');
    const { transport } = JSON.parse(opened.body.toString()) as { transport: string };
    const url = `${base}/lp/${transport}`;
    expect((await post(`${url}/send`, `${hello}\x1e`)).status).toBe(202);
    const welcome = (await post(`${url}/receive`)).body.toString();
    expect([welcome.slice(0, 3), welcome.at(-1)]).toEqual(['[2,', '\x1e']);
    const calls = [1, 2, 3].map((id) => `[48,${id},{},"com.open.nobody"]\x1e`).join('');
    expect((await post(`${url}/send`, calls)).status).toBe(202);
    const answers = (await post(`${url}/receive`)).body.toString().split('\x1e');
    expect(answers.map((answer) => answer.slice(0, 8))).toEqual(['[8,48,1,', '[8,48,2,', '[8,48,3,', '']);
    expect((await post(`${url}/send`, '[48,4')).status).toBe(400);
  });

  it('a bad message is 400 and aborts the session', async () => {
    const opened = await post(`${base}/lp/open`, '{"protocols":["wamp.2.json"]}');
    const { transport } = JSON.parse(opened.body.toString()) as { transport: string };
    const url = `${base}/lp/${transport}`;
    await post(`${url}/send`, hello);
    await post(`${url}/receive`);
    expect((await post(`${url}/send`, '[48,"x"]')).status).toBe(400);
    expect((await post(`${url}/receive`)).body.toString()).toContain('"wamp.error.protocol_violation"]');
    expect((await post(`${url}/receive`)).status).toBe(404);
  });

  it('a connection belongs to its endpoint', async () => {
    const opened = await post(`${base}/lp/open`, '{"protocols":["wamp.2.json"]}');
    const { transport } = JSON.parse(opened.body.toString()) as { transport: string };
    expect((await post(`${base}/autobahn/${transport}/receive`)).status).toBe(404);
  });
});

describe('autobahn-js, whose long-poll asks by XMLHttpRequest', () => {
  it('joins, calls, hears events and leaves', async () => {
    Object.assign(globalThis, { XMLHttpRequest: Xhr });
    const connection = new autobahn.Connection({
      transports: [{ type: 'longpoll', url: `${base}/autobahn` }],
      realm: 'realm1',
      authid: 'script',
      authmethods: ['ticket'],
      onchallenge: () => SECRETS.SCRIPT,
      max_retries: 0,
    });
    const session = await new Promise<AutobahnSession>((resolve, reject) => {
      connection.onopen = resolve;
      connection.onclose = (why) => {
        reject(new Error(why));
        return true;
      };
      connection.open();
    });
    await session.register('com.a.add', ([a, b]) => Number(a) + Number(b));
    expect((await gateway.call({ uri: 'com.a.add', args: [2, 3] })).body.args).toEqual([5]);
    const heard = new Promise((resolve) => {
      session
        .subscribe('com.a.topic', (args) => resolve(args))
        .then(() => gateway.publish({ uri: 'com.a.topic', args: ['x'] }));
    });
    expect(await heard).toEqual(['x']);
    const closed = new Promise<void>((resolve) => {
      connection.onclose = () => {
        resolve();
        return true;
      };
    });
    connection.close();
    await closed;
    Reflect.deleteProperty(globalThis, 'XMLHttpRequest');
  });
});

/** curl, for the gateway too: what docs/http.md shows. */
describe.skipIf(!hasCurl)('curl (skipped where it is not installed)', () => {
  const ask = async (...args: string[]) => (await curl('curl', ['--silent', '--show-error', ...args])).stdout;
  const user = ['--user', `script:${SECRETS.SCRIPT}`];

  it('calls and publishes', async () => {
    const call = await ask(...user, '--json', '{"uri": "wamp.session.count"}', `${gateway.api}/realms/realm1/call`);
    expect(JSON.parse(call)).toEqual({ args: [expect.any(Number)], kwargs: {} });
    const body = '{"uri": "com.a.topic", "kwargs": {"id": 7}}';
    const publish = await ask(...user, '--json', body, `${gateway.api}/realms/realm1/publish`);
    expect(JSON.parse(publish)).toEqual({ publication: expect.any(Number) });
  });

  it('watches a topic until its session ends', async () => {
    const agent = await gateway.agent({ authid: 'worker', onchallenge: () => SECRETS.WORKER });
    const isWatched = new Promise<void>((resolve) => {
      agent.session.subscribe('wamp.subscription.on_subscribe', () => resolve());
    });
    await agent.session.call('wamp.session.count');
    const watching = ask('--no-buffer', ...user, `${gateway.api}/realms/realm1/subscribe?topic=com.a.&match=prefix`);
    await isWatched;
    await agent.session.publish('com.a.topic', ['seen'], {}, { acknowledge: true });
    await agent.session.call('wamp.session.kill_by_authid', ['script']);
    const text = await watching;
    expect(text).toMatch(/^event: subscribed\ndata: .*\n\nid: \d+\ndata: .*"seen".*\n\nevent: end\ndata: .*\n\n$/);
  });

  it('opens a long-poll connection', async () => {
    const opened = await ask('--json', '{"protocols":["wamp.2.json"]}', `${base}/lp/open`);
    const { protocol, transport } = JSON.parse(opened) as { protocol: string; transport: string };
    expect(protocol).toBe('wamp.2.json');
    const said = await ask('--write-out', '%{http_code}', '--request', 'POST', `${base}/lp/${transport}/close`);
    expect(said).toBe('202');
  });

  it('knows the token that the tests send', () => {
    expect(SCRIPT).toBe(`Basic ${Buffer.from(`script:${SECRETS.SCRIPT}`).toString('base64')}`);
  });
});

/** As much of XMLHttpRequest as autobahn-js uses. */
class Xhr {
  onreadystatechange: () => void = () => {};
  readyState = 0;
  status = 0;
  statusText = '';
  responseText = '';
  #url = '';
  #headers: Record<string, string> = {};

  open(_method: string, url: string): void {
    this.#url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  send(body?: string): void {
    fetch(this.#url, { method: 'POST', headers: this.#headers, ...(body === undefined ? {} : { body }) }).then(
      async (answer) => this.#settle(answer.status, await answer.text()),
      () => this.#settle(0, ''),
    );
  }

  #settle(status: number, text: string): void {
    this.status = status;
    this.responseText = text;
    this.readyState = 4;
    this.onreadystatechange();
  }
}
