import type { Link } from '../../transports/link.ts';
import type { Dict } from '../../wamp/payload.ts';
import type { Gate } from '../gate.ts';
import { failureText, type Request, type RpcError, resultText } from './jsonrpc.ts';

/** What one connection answers to the requests of its peer. Notifications are never answered. */
export class Replies {
  readonly #link: Link;
  readonly #gate: Gate<Request>;
  #isOver = false;

  constructor(link: Link, gate: Gate<Request>) {
    this.#link = link;
    this.#gate = gate;
  }

  /** The connection ends: nothing more is written. */
  stop(): void {
    this.#isOver = true;
  }

  succeed(request: Request, result: Dict): void {
    if (request.id !== undefined) this.write(resultText(request.id, result));
  }

  fail(request: Request, error: RpcError): void {
    if (request.id !== undefined) this.write(failureText(request.id, error.code, error.message));
  }

  /** The end of a request whose result says no more than that it succeeded. */
  settle(request: Request, error: RpcError | undefined): void {
    if (error === undefined) this.finish(request, { success: true });
    else {
      this.fail(request, error);
      this.#gate.done();
    }
  }

  /** The end of a request that has a result. */
  finish(request: Request, result: Dict): void {
    this.succeed(request, result);
    this.#gate.done();
  }

  write(text: string): void {
    if (!this.#isOver) this.#link.write(Buffer.from(text), false, false);
  }
}
