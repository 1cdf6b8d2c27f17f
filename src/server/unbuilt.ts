import { adapterFor } from '../adapters/registry.ts';
import type { Config } from '../config/types.ts';

/** Something the configuration asks for and this version does not have. */
export interface Unbuilt {
  /** As the start line says it. */
  readonly name: string;
  /** Absent: its path answers 404, and that is all. Present: who wrote it down relies on something that does not happen. */
  readonly missed?: Missed;
}

export interface Missed {
  /** `file` or `file:line`. */
  readonly place: string;
  readonly key: string;
  /** What happens instead. */
  readonly instead: string;
}

/** What of the configuration is accepted and not built (CONTRACT, preamble), each once, endpoints first. */
export function unbuilt(config: Config): Unbuilt[] {
  const { listeners, cluster, file } = config.router;
  const protocols = listeners.flatMap(({ endpoints }) => endpoints.map(({ protocol }) => protocol));
  const names = protocols.filter((name) => adapterFor(name) === undefined);
  const found: Unbuilt[] = [...new Set(names)].map((name) => ({ name }));
  if (cluster !== undefined) {
    found.push({ name: 'cluster', missed: { place: file, key: 'cluster', instead: 'this is a single node' } });
  }
  return found;
}
