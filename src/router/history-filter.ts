import { uriMatches } from '../wamp/uri.ts';
import { Glob, GlobText } from './glob.ts';
import type { HistoryQuery, PastEvent } from './history.ts';
import { admitsNames } from './publish-filter.ts';

/** What of an event decides whether it is wanted. */
export type Judged = Pick<PastEvent, 'order' | 'time' | 'topic' | 'receivers'>;

/** A query compiled to a test: all of it but order and bounds of the answer. */
export function historyFilter(query: HistoryQuery): (event: Judged) => boolean {
  const { topic, authid, authrole, order, time, uri, match } = query;
  const matches = match === 'glob' ? globTest(uri) : (text: string) => uriMatches(uri, match, text);
  return (event) =>
    event.order >= order[0] &&
    event.order <= order[1] &&
    event.time >= time[0] &&
    event.time <= time[1] &&
    (topic === undefined || event.topic === topic) &&
    matches(event.topic) &&
    (event.receivers === undefined || admitsNames(event.receivers, authid, authrole));
}

function globTest(pattern: string): (text: string) => boolean {
  const glob = new Glob(pattern);
  return (text) => glob.matches(new GlobText(text));
}
