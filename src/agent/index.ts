/** `waggle-router/agent`: what a program needs to be an agent, on top of autobahn, in Node and in browsers. */
import { autobahn } from './autobahn.ts';

export { Unsignable } from '../signing/canonical.ts';
export { publicKeyOf, signCommand, verifyCommand } from '../signing/ed25519.ts';
export { REQUIRED as SIGNATURE_REQUIRED, type SignatureSpec, signPayload, verifyPayload } from '../signing/payload.ts';
export type { Agent, Registration, Subscription } from './agent.ts';
export type {
  AutobahnConnection,
  AutobahnError,
  AutobahnResult,
  AutobahnSession,
  Dict,
  EventDetails,
  EventHandler,
  InvocationDetails,
  Procedure,
} from './autobahn.ts';
export { connectAgent } from './connect-agent.ts';
export * from './errors.ts';
export type { EventStream, StreamedEvent, StreamOptions } from './event-stream.ts';
export type { Loss } from './lifeline.ts';
export type * from './options.ts';
export { Repetitions } from './repetitions.ts';
export { RETRY_KEY } from './retry.ts';
export type { Signed, SignedCallOptions, SignedPublishOptions } from './signed.ts';

/** autobahn's own: what a procedure returns for more than one value, or for keyword results. */
export const { Result } = autobahn;
export { autobahn };
