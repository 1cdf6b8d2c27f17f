import type { Receipt, ReceiptSink } from '../wamp/messages.ts';
import { type Broker, type EventForms, noForms, type Publication } from './broker.ts';
import { admits } from './publish-filter.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

/** One delivery that a plan would make: a session appears once for each of its matching subscriptions. */
export interface Recipient {
  readonly session: Session;
  readonly subscription: Subscription;
  /** Whether its peer will settle a receipt for what it takes. */
  readonly confirms: boolean;
}

/**
 * A publication that was authorized and matched but not delivered (ARCHITECTURE §1.4). Making one has no effect, so
 * "who would get this?" can be asked; bridges deliver it recipient by recipient and await receipts, without the core
 * knowing why.
 */
export class Plan implements ReceiptSink {
  readonly publication: Publication;
  readonly #broker: Broker;
  readonly #forms = new Map<Subscription, EventForms>();
  readonly #listeners: ((receipt: Receipt) => void)[] = [];
  #recipients: readonly Recipient[] | undefined;
  #forwarded = false;

  /** @param accept makes the publication with this plan as the place for receipts */
  constructor(broker: Broker, accept: (receipts: ReceiptSink) => Publication) {
    this.#broker = broker;
    this.publication = accept(this);
  }

  /** Everybody who would get it, in order of subscription; computed when first asked. */
  get recipients(): readonly Recipient[] {
    this.#recipients ??= this.#collect();
    return this.#recipients;
  }

  /** Delivers to one recipient. @returns false where it has left meanwhile or did not take the event */
  deliver(recipient: Recipient): boolean {
    this.#forward();
    const { session, subscription } = recipient;
    if (session.ended || !subscription.has(session)) return false;
    let forms = this.#forms.get(subscription);
    if (forms === undefined) {
      forms = noForms();
      this.#forms.set(subscription, forms);
    }
    return this.#broker.deliverTo(this.publication, subscription, session, forms);
  }

  /** What a PUBLISH does: the same lines of the broker, without building the list of recipients. */
  deliverAll(): void {
    this.#forward();
    this.#broker.deliver(this.publication);
  }

  /** Other nodes get it whole, and it is retained, with the first delivery here. */
  #forward(): void {
    if (this.#forwarded) return;
    this.#forwarded = true;
    this.#broker.keep(this.publication);
    this.#broker.forward(this.publication);
  }

  /** Calls `listener` for each receipt that is settled from now on. */
  onReceipt(listener: (receipt: Receipt) => void): void {
    this.#listeners.push(listener);
  }

  settle(receipt: Receipt): void {
    for (const listener of this.#listeners) listener(receipt);
  }

  #collect(): readonly Recipient[] {
    const matching = this.#broker.matching(this.publication.topic);
    const found: { recipient: Recipient; order: number }[] = [];
    for (const subscription of matching) {
      for (const [session, order] of subscription.subscribers) {
        if (!admits(this.publication, session)) continue;
        found.push({ recipient: { session, subscription, confirms: session.peer.confirms === true }, order });
      }
    }
    // One subscription has its subscribers in order already.
    if (matching.length > 1) found.sort((a, b) => a.order - b.order);
    return found.map((each) => each.recipient);
  }
}
