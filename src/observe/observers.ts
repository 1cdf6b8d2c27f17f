import type { RouterObserver } from '../router/observer.ts';
import type { Log } from './log.ts';

/** A loss is said at once, then at most this often, with how many there were since; refusals are counted by it. */
const INTERVAL_MS = 5000;

/** Refusals are said one by one up to this many per interval; a client that asks in a loop must not fill the disk. */
const DENIALS_PER_INTERVAL = 50;

/** Says what people want to read of a realm's life: who came and went, what was refused. Never a payload. */
export function loggingObserver(log: Log): RouterObserver {
  let lost = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
  let unkept = 0;
  let unkeptSaidAt = Number.NEGATIVE_INFINITY;
  let denials = 0;
  let denialsSince = Number.NEGATIVE_INFINITY;
  return {
    joined(session) {
      const { authid, authrole, authmethod } = session.identity;
      log.debug({ session: session.id, authid, authrole, authmethod }, 'joined');
    },
    left(session, reason) {
      const { authid } = session.identity;
      log.debug({ session: session.id, authid, reason: reason.uri, text: reason.message }, 'left');
    },
    received() {},
    sent() {},
    dropped(session, message, cause) {
      // The other causes are races that the protocol expects: answers after a cancel, receivers that left.
      if (cause !== 'peer_refused') return;
      lost += 1;
      const now = performance.now();
      if (now - saidAt < INTERVAL_MS) return;
      const { authid } = session.identity;
      log.warn({ session: session.id, authid, type: message.type, lost }, 'messages were not taken by their receivers');
      lost = 0;
      saidAt = now;
    },
    unkept(topic, cause) {
      // What a rule refuses, or the specification, is as it should be.
      if (cause === 'retain_refused' || cause === 'history_by_session') return;
      unkept += 1;
      const now = performance.now();
      if (now - unkeptSaidAt < INTERVAL_MS) return;
      log.warn({ topic, cause, events: unkept }, 'events that others may ask for are gone');
      unkept = 0;
      unkeptSaidAt = now;
    },
    denied(session, action, uri, reason) {
      const now = performance.now();
      if (now - denialsSince >= INTERVAL_MS) {
        const unsaid = denials - DENIALS_PER_INTERVAL;
        if (unsaid > 0) log.info({ unsaid }, 'denied more often than the log says');
        denials = 0;
        denialsSince = now;
      }
      denials += 1;
      if (denials > DENIALS_PER_INTERVAL) return;
      const { authid, authrole } = session.identity;
      log.info({ session: session.id, authid, authrole, action, uri, reason }, 'denied');
    },
  };
}

/** Several observers as one, called in order. */
export function combineObservers(observers: readonly RouterObserver[]): RouterObserver {
  return {
    joined(session) {
      for (const each of observers) each.joined(session);
    },
    left(session, reason) {
      for (const each of observers) each.left(session, reason);
    },
    received(session, message) {
      for (const each of observers) each.received(session, message);
    },
    sent(session, message) {
      for (const each of observers) each.sent(session, message);
    },
    dropped(session, message, cause) {
      for (const each of observers) each.dropped(session, message, cause);
    },
    unkept(topic, cause) {
      for (const each of observers) each.unkept(topic, cause);
    },
    denied(session, action, uri, reason) {
      for (const each of observers) each.denied(session, action, uri, reason);
    },
  };
}
