/** The real wampy package over `ws`, in every encoding it has. */

import { Wampy } from 'wampy';
import { CborSerializer } from 'wampy/CborSerializer.js';
import { JsonSerializer } from 'wampy/JsonSerializer.js';
import { MsgpackSerializer } from 'wampy/MsgpackSerializer.js';
import { WebSocket } from 'ws';
import type { Dict } from '../../src/wamp/payload.ts';
import type { RawName } from './raw-codec.ts';

type WampyOptions = NonNullable<ConstructorParameters<typeof Wampy>[1]>;

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer };

export interface WampyAgent {
  readonly wampy: Wampy;
  /** Details of WELCOME. */
  readonly welcome: Dict;
}

/** Joins. @throws what wampy throws where it is refused */
export async function joinWampy(url: string, name: RawName, options: WampyOptions): Promise<WampyAgent> {
  const wampy = new Wampy(url, {
    ws: WebSocket,
    serializer: new SERIALIZERS[name](),
    autoReconnect: false,
    ...options,
  } as WampyOptions);
  const welcome = (await wampy.connect()) as unknown as Dict;
  return { wampy, welcome };
}
