import type { Config } from '../config/types.ts';

/** The variable that the shipped realm's tickets come from (CONTRACT §4, "Secrets"). */
export const TOKEN = 'YAMTAM_AGENT_TOKEN';

/**
 * Whether `waggle start` makes a ticket for the run: only for realms of environment `dev` behind listeners that nobody
 * else can reach (CONTRACT §4).
 */
export function wantsTicket(config: Config): boolean {
  if (!config.unsetEnv.includes(TOKEN)) return false;
  const local = config.router.listeners.every(({ address }) => address.kind === 'unix' || address.loopback);
  return local && [...config.realms.values()].every((realm) => realm.environment === 'dev');
}
