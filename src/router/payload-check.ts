import { ErrorUri } from '../wamp/errors.ts';
import { type Call, MessageType, type Publish } from '../wamp/messages.ts';
import { type Allowed, type Asking, Denial } from './authorization.ts';
import type { RealmContext } from './context.ts';
import type { Session } from './session.ts';

/**
 * Has a message judged whose sender may send it if its payload shows what the rules ask for (BRIDGES §5). A refusal is
 * told to the observer as any other; the sender is told what was wrong with what it sent itself.
 * @returns undefined: it may be routed
 */
export function payloadRefusal(
  { clock, observer }: RealmContext,
  session: Session,
  message: Publish | Call,
  { check, audit }: Allowed | Asking,
): Denial | undefined {
  const reason = check?.judge(session.identity, message, clock.now());
  if (reason === undefined) return undefined;
  if (message.type === MessageType.CALL) {
    observer.denied(session, 'call', message.procedure, reason);
    return new Denial(ErrorUri.UNAUTHORIZED, `this session may not call ${message.procedure}: ${reason}`, audit);
  }
  observer.denied(session, 'publish', message.topic, reason);
  return new Denial(ErrorUri.NOT_AUTHORIZED, `this session may not publish ${message.topic}: ${reason}`, audit);
}
