import { REQUIRED, type SignatureSpec, signPayload } from '../signing/payload.ts';
import type { Dict } from './autobahn.ts';
import type { CallOptions, PublishOptions } from './options.ts';

/** Beside what unsigned ones have: what the rule of the realm file says about the signature. */
export interface SignedCallOptions extends CallOptions {
  readonly signature?: SignatureSpec | undefined;
}

export interface SignedPublishOptions extends PublishOptions {
  readonly signature?: SignatureSpec | undefined;
}

/** Sends kwargs, made by `seal` for each time they are sent. */
export interface SealedSender {
  call(uri: string, kwargs: Dict, seal: (kwargs: Dict) => Dict, options: CallOptions): Promise<unknown>;
  publish(
    uri: string,
    kwargs: Dict,
    seal: (kwargs: Dict) => Dict,
    options: PublishOptions,
  ): Promise<{ readonly id: number } | undefined>;
}

/** Calls and publications whose kwargs carry a signature of themselves. */
export class Signed {
  readonly #key: string | undefined;
  readonly #sender: SealedSender;

  /** @param key the private key; undefined: nothing can be signed */
  constructor(key: string | undefined, sender: SealedSender) {
    this.#key = key?.trim();
    this.#sender = sender;
  }

  /** @throws as the agent's `call`; TypeError where there is no key; Unsignable where the kwargs have no exact JSON */
  async call<T = unknown>(procedure: string, kwargs: Dict = {}, options: SignedCallOptions = {}): Promise<T> {
    const { signature, ...rest } = options;
    return (await this.#sender.call(procedure, kwargs, this.#seal(signature), rest)) as T;
  }

  /** @throws as the agent's `publish`; TypeError where there is no key; Unsignable where the kwargs have no exact JSON */
  async publish(
    topic: string,
    kwargs: Dict = {},
    options: SignedPublishOptions = {},
  ): Promise<{ readonly id: number } | undefined> {
    const { signature, ...rest } = options;
    return await this.#sender.publish(topic, kwargs, this.#seal(signature), rest);
  }

  /** Time and nonce are those of each sending: the router refuses a nonce that it has seen. */
  #seal(spec: SignatureSpec = REQUIRED): (kwargs: Dict) => Dict {
    const key = this.#key;
    if (key === undefined) throw new TypeError('nothing to sign with: give privateKey or signingKey');
    return (kwargs) => signPayload(key, kwargs, spec);
  }
}
