import type { IncomingMessage, ServerResponse } from 'node:http';
import { linger, readBody } from '../../transports/http-body.ts';
import { KeepAlive } from '../../transports/keep-alive.ts';
import type { Arrival } from '../../transports/transport.ts';
import { ErrorUri, ProtocolViolation, WampError } from '../../wamp/errors.ts';
import { type Call, MessageType, type Publish, type Subscribe } from '../../wamp/messages.ts';
import { readCallOptions, readPublishOptions, readSubscribeOptions } from '../../wamp/options.ts';
import type { AdapterContext, RealmHost, RequestContext } from '../adapter.ts';
import { type Admitted, admit, refusalNow } from './admission.ts';
import { type Problem, problemOf, sendJson, sendProblem } from './answers.ts';
import { type Command, readCommand } from './command.ts';
import { EventStream } from './event-stream.ts';
import { Exchange, REQUEST } from './exchange.ts';
import { openApi } from './openapi.ts';
import { Slots } from './slots.ts';

/** One request, from its head to its answer. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly from: Arrival;
}

type Operation = 'call' | 'publish';

/** What a stream may be asked for; `authid` belongs to the token. */
const QUERY = ['topic', 'match', 'get_retained', 'authid'];

/** One endpoint of the gateway: which path does what, who asks, how much at a time. */
export class Gateway {
  readonly #base: string;
  readonly #context: AdapterContext;
  readonly #router: RequestContext;
  readonly #requests: Slots;
  readonly #streams: Slots;
  readonly #keepAlive: KeepAlive;
  readonly #openApi: string;

  constructor(base: string, context: AdapterContext, router: RequestContext) {
    this.#base = base;
    this.#context = context;
    this.#router = router;
    this.#requests = new Slots(() => router.limits().http.requestsPerPrincipal);
    this.#streams = new Slots(() => router.limits().http.streamsPerPrincipal);
    this.#openApi = JSON.stringify(openApi(base));
    this.#keepAlive = new KeepAlive(() => router.limits().keepAlive);
  }

  handle(asked: Asked, path: string): void {
    if (path === `${this.#base}/openapi.json`) {
      this.#document(asked);
      return;
    }
    const [, name = '', operation] =
      /^\/realms\/([^/]+)\/(call|publish|subscribe)$/.exec(path.slice(this.#base.length)) ?? [];
    const realm = decoded(name);
    const method = operation === 'subscribe' ? 'GET' : 'POST';
    if (operation === undefined || realm === undefined) this.#refuse(asked, nothingAt(path));
    else if (asked.request.method !== method) this.#refuse(asked, onlyBy(method));
    else if (operation === 'subscribe') this.#stream(asked, realm);
    else this.#carryOut(asked, realm, operation as Operation);
  }

  /** It says nothing that is not in the documentation, so nobody is asked who he is. */
  #document(asked: Asked): void {
    if (asked.request.method === 'GET') sendJson(asked.response, this.#openApi);
    else this.#refuse(asked, onlyBy('GET'));
  }

  #stream(asked: Asked, realm: string): void {
    this.#admit(asked, realm, this.#streams, ({ host, member }) => {
      const { request, response, from } = asked;
      const message = subscribeOf(request.url ?? '');
      const { headers, url = '' } = request;
      const info = { transport: 'http', subprotocol: 'text/event-stream', ...from, headers, url };
      const { outboxes, report } = this.#router;
      EventStream.run(host.realm, member, message, response, info, { outboxes, report, keepAlive: this.#keepAlive });
    });
  }

  #carryOut(asked: Asked, realm: string, operation: Operation): void {
    this.#admit(asked, realm, this.#requests, (admitted) => {
      const { host } = admitted;
      const { maxMessageBytes } = this.#router.limits();
      const bound = Math.min(maxMessageBytes, host.realm.limits.maxMessageBytes);
      readBody(asked.request, bound, this.#context.handshakeTimeoutMs, (body) => {
        if (!Buffer.isBuffer(body)) {
          const { status, text } = body;
          this.#refuse(asked, { status, detail: text, ...(status === 413 ? TOO_LARGE : {}) });
          return;
        }
        this.#guarded(asked, () => this.#exchange(asked, realm, admitted, operation, body));
      });
    });
  }

  #exchange(asked: Asked, realm: string, { host, member }: Admitted, operation: Operation, body: Buffer): void {
    // The body may have taken its time, and a reload judges sessions, which this is not yet.
    const outdated = refusalNow(this.#context, realm, host, member);
    if (outdated !== undefined) {
      this.#refuse(asked, outdated);
      return;
    }
    const { response } = asked;
    const command = readCommand(body);
    const message = operation === 'call' ? this.#callOf(command, host) : publishOf(command);
    Exchange.run(host.realm, member, message, response);
  }

  /** Without results in parts, which one answer cannot hold, and never without an end. */
  #callOf({ uri, options, payload }: Command, { realm }: RealmHost): Call {
    const asked = readCallOptions(options);
    if (asked.progress) throw new WampError(ErrorUri.OPTION_NOT_ALLOWED, 'options.progress: a request has one part');
    const otherwise = realm.limits.callTimeoutMs === 0 ? this.#router.limits().http.callTimeoutMs : 0;
    const timeout = asked.timeout === 0 ? otherwise : asked.timeout;
    return {
      type: MessageType.CALL,
      request: REQUEST,
      options: { ...asked, receiveProgress: false, timeout },
      procedure: uri,
      payload,
    };
  }

  /** Finds out who asks and whether he may have one more of `slots`; then `then`, else the refusal. */
  #admit(asked: Asked, realm: string, slots: Slots, then: (admitted: Admitted) => void): void {
    const { request, response, from } = asked;
    // What comes of the body meanwhile waits in the socket.
    admit(this.#context, realm, request, from).then((admitted) => {
      if (response.destroyed) return;
      if ('status' in admitted) {
        if (admitted.status === 401) this.#context.handshake('denied');
        this.#refuse(asked, admitted);
        return;
      }
      const release = slots.take(admitted.party);
      if (release === undefined) {
        const detail = 'as many requests at the same time as one may have here';
        this.#refuse(asked, { status: 429, uri: ErrorUri.LIMIT_EXCEEDED, detail });
        return;
      }
      response.on('close', release);
      this.#context.handshake('welcomed');
      this.#guarded(asked, () => then(admitted));
    });
  }

  /** What the client did wrong it is told; a mistake of ours costs this request only. */
  #guarded(asked: Asked, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof WampError) this.#refuse(asked, problemOf(error));
      else if (error instanceof ProtocolViolation) {
        this.#refuse(asked, { status: 400, uri: ErrorUri.INVALID_ARGUMENT, detail: error.message });
      } else {
        this.#router.fault(error, asked.from.address);
        this.#refuse(asked, { status: 500, detail: 'internal error' });
      }
    }
  }

  #refuse({ request, response }: Asked, problem: Problem): void {
    linger(request);
    sendProblem(response, problem);
  }
}

/** Always acknowledged: a request gets an answer in any case, and a refusal must not look like success (PITFALLS 33). */
function publishOf({ uri, options, payload }: Command): Publish {
  const asked = readPublishOptions(options);
  return {
    type: MessageType.PUBLISH,
    request: REQUEST,
    options: { ...asked, acknowledge: true },
    topic: uri,
    payload,
  };
}

/** @throws WampError, ProtocolViolation */
function subscribeOf(url: string): Subscribe {
  const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
  const options: Record<string, unknown> = {};
  for (const [key, value] of query) {
    if (!QUERY.includes(key)) {
      const text = `the query: unknown parameter ${JSON.stringify(key.slice(0, 80))}; expected ${QUERY.join(', ')}`;
      throw new WampError(ErrorUri.INVALID_ARGUMENT, text);
    }
    if (key === 'match') options.match = value;
    if (key === 'get_retained') options.get_retained = value === 'true' || (value === 'false' ? false : value);
  }
  const topic = query.get('topic');
  if (topic === null) throw new WampError(ErrorUri.INVALID_ARGUMENT, 'the query: topic expected');
  return { type: MessageType.SUBSCRIBE, request: REQUEST, options: readSubscribeOptions(options), topic };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const TOO_LARGE = { uri: ErrorUri.PAYLOAD_SIZE_EXCEEDED };

function nothingAt(path: string): Problem {
  return { status: 404, detail: `nothing is served at ${path.slice(0, 200)}` };
}

function onlyBy(method: string): Problem {
  return { status: 405, detail: `this path takes ${method} only`, headers: { Allow: `${method}, OPTIONS` } };
}
