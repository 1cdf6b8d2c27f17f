import { connect, fanout, patterns, rpc } from './load.mjs';

/**
 * `gross`: the ratio to the null router that the check fails at, far enough above what is measured that a noisy machine
 * does not reach it. `quick`: part of the short run and the check. `units`: how many are measured at least.
 */
const of = (name, load, options, gross, quick = false) => {
  const few = load === connect ? 1000 : options.bytes === 16_384 ? 5000 : 20_000;
  const units = options.subscribers === undefined ? few : Math.min(5000 * options.subscribers, 1_000_000);
  return { name, load, options, gross, quick, units };
};

const ENCODINGS = ['json', 'msgpack', 'cbor'];

export const CASES = [
  ...ENCODINGS.map((encoding) => of(`rpc ${encoding} 16 B`, rpc, { encoding }, 4, true)),
  ...ENCODINGS.map((encoding) => of(`rpc ${encoding} 1 KiB`, rpc, { encoding, bytes: 1024 }, 4)),
  ...ENCODINGS.map((encoding) =>
    of(`rpc ${encoding} 16 KiB`, rpc, { encoding, bytes: 16_384 }, 4, encoding === 'json'),
  ),
  of('fan-out to 1', fanout, { subscribers: 1 }, 6),
  of('fan-out to 1, acknowledged', fanout, { subscribers: 1, acknowledge: true }, 5, true),
  of('fan-out to 100', fanout, { subscribers: 100 }, 6, true),
  of('fan-out to 100, 1 KiB', fanout, { subscribers: 100, bytes: 1024 }, 6),
  of('fan-out to 1000', fanout, { subscribers: 1000, window: 16 }, 6),
  of('fan-out to 30, msgpack', fanout, { subscribers: 30, encoding: 'msgpack' }, 6),
  of('fan-out to 30, three encodings', fanout, { subscribers: 30, encoding: 'msgpack', encodings: ENCODINGS }, 6),
  of('to 1 beside 100 prefixes', patterns, { patterns: 100 }, 6),
  of('to 1 beside 100,000 prefixes', patterns, { patterns: 100_000 }, 6),
  of('to 1 beside 100 wildcards', patterns, { patterns: 100, match: 'wildcard' }, 6),
  of('to 1 beside 100,000 wildcards', patterns, { patterns: 100_000, match: 'wildcard' }, 6),
  of('connect, HELLO, WELCOME', connect, {}, 6),
];
