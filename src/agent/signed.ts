import { REQUIRED, type SignatureSpec, signPayload } from '../signing/payload.ts';
import type { Dict } from './autobahn.ts';
import type { CallOptions, PublishOptions } from './options.ts';
import type { Seal, Sender } from './sender.ts';

/** Beside what unsigned ones have: what the rule of the realm file says about the signature. */
export interface SignedCallOptions extends CallOptions {
  readonly signature?: SignatureSpec | undefined;
}

export interface SignedPublishOptions extends PublishOptions {
  readonly signature?: SignatureSpec | undefined;
}

/** Calls and publications whose kwargs carry a signature of themselves. */
export class Signed {
  readonly #key: string | undefined;
  readonly #sender: Sender;

  /** @param key the private key; undefined: nothing can be signed */
  constructor(key: string | undefined, sender: Sender) {
    this.#key = key?.trim();
    this.#sender = sender;
  }

  /** @throws as the agent's `call`; TypeError where there is no key; Unsignable where the kwargs have no exact JSON */
  async call<T = unknown>(procedure: string, kwargs: Dict = {}, options: SignedCallOptions = {}): Promise<T> {
    const { signature, ...rest } = options;
    return (await this.#sender.call(procedure, [], kwargs, rest, this.#seal(signature))) as T;
  }

  /** @throws as the agent's `publish`; TypeError where there is no key; Unsignable where the kwargs have no exact JSON */
  async publish(
    topic: string,
    kwargs: Dict = {},
    options: SignedPublishOptions = {},
  ): Promise<{ readonly id: number } | undefined> {
    const { signature, ...rest } = options;
    return await this.#sender.publish(topic, [], kwargs, rest, this.#seal(signature));
  }

  /** Time and nonce are those of each sending: the router refuses a nonce that it has seen. */
  #seal(spec: SignatureSpec = REQUIRED): Seal {
    const key = this.#key;
    if (key === undefined) throw new TypeError('nothing to sign with: give privateKey or signingKey');
    return (kwargs) => signPayload(key, kwargs, spec);
  }
}
