import type { Gate } from '../gate.ts';
import { shown } from '../text.ts';
import type { Dialect } from './dialect.ts';
import { type Request, RpcError, textField } from './jsonrpc.ts';
import { readOutgoing } from './outgoing.ts';
import type { Joined } from './peer.ts';
import type { Replies } from './replies.ts';
import { reject, Sending, type SendingPeer, type Sent } from './sending.ts';

/** The requests of a peer that is initialized. Each ends with one answer and makes room at the gate. */
export class Requests {
  readonly #dialect: Dialect;
  readonly #gate: Gate<Request>;
  readonly #replies: Replies;
  #peer: SendingPeer | undefined;

  constructor(dialect: Dialect, gate: Gate<Request>, replies: Replies) {
    this.#dialect = dialect;
    this.#gate = gate;
    this.#replies = replies;
  }

  /** @throws RpcError for a pattern that is none */
  subscribe(request: Request, { subscriptions }: Joined): void {
    const pattern = textField(request.params, 'topic');
    if (subscriptions.has(pattern)) {
      const { subscribed } = this.#dialect.codes;
      this.#replies.settle(
        request,
        subscribed === undefined ? undefined : new RpcError(subscribed, 'Already subscribed to this topic'),
      );
      return;
    }
    subscriptions.add(pattern, (error) => this.#replies.settle(request, error));
  }

  /** @throws RpcError where no pattern is named */
  unsubscribe(request: Request, { subscriptions }: Joined): void {
    const pattern = textField(request.params, 'topic');
    const known = subscriptions.has(pattern);
    if (known) subscriptions.remove(pattern);
    const { notSubscribed } = this.#dialect.codes;
    this.#replies.settle(
      request,
      known ? undefined : new RpcError(notSubscribed, `Subscription not found: ${shown(pattern)}`),
    );
  }

  /** `sendMessage` and its two aliases. */
  send(request: Request, joined: Joined): void {
    const { version } = this.#dialect;
    const { world, member, name } = joined;
    const peer = this.#peerOf(joined);
    const { allowOther } = world.rules;
    const { maxMessageBytes } = member.realm.limits;
    try {
      const outgoing = readOutgoing(request, { version, name, allowOther, maxMessageBytes });
      new Sending(peer, outgoing, request).begin();
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#refuse(peer, request, error);
    }
  }

  /** One for all messages of a peer. */
  #peerOf({ world, member, name }: Joined): SendingPeer {
    if (this.#peer?.member === member) return this.#peer;
    const peer: SendingPeer = {
      world,
      member,
      version: this.#dialect.version,
      name,
      refused: (request, error) => this.#refuse(peer, request, error),
      sent: (request, outcome) => this.#sent(request, outcome),
      hold: () => this.#gate.hold(),
      unhold: () => this.#gate.unhold(),
    };
    this.#peer = peer;
    return peer;
  }

  /** A rejected message leaves its trace, too, and waits for room like any other. */
  #refuse(peer: SendingPeer, request: Request, error: RpcError): void {
    const finish = () => {
      reject(peer, request, error.message);
      this.#replies.settle(request, error);
    };
    if (
      peer.world.activity.reserve(2, () => {
        finish();
        peer.unhold();
      })
    ) {
      finish();
    } else {
      peer.hold();
    }
  }

  #sent(request: Request, outcome: Sent): void {
    if (outcome.kind === 'refused') this.#replies.settle(request, outcome.error);
    else if (request.method === 'sendMessage') this.#replies.finish(request, this.#dialect.result(outcome));
    else this.#replies.settle(request, undefined);
  }
}
