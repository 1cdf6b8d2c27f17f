/** Who may send which type (bub-v2 8, 9). The role is in the name a peer goes by, never in what it writes. */

export type BubRole = 'tg' | 'system' | 'agent' | 'other';

const MAY_SEND: Readonly<Record<Exclude<BubRole, 'other'>, readonly string[]>> = {
  tg: ['spawn_request', 'configure', 'tg_message', 'delivery_status'],
  system: ['spawn_result', 'route_assigned', 'agent_event'],
  agent: ['tg_reply', 'agent_event', 'delivery_status'],
};

const CANONICAL: ReadonlySet<string> = new Set(Object.values(MAY_SEND).flat());

/** Whether the document gives the type a meaning (bub-v2 8). */
export function isCanonical(type: string): boolean {
  return CANONICAL.has(type);
}

export function roleOf(name: string): BubRole {
  if (name === 'agent:system') return 'system';
  if (name.length > 6 && name.startsWith('agent:')) return 'agent';
  return name.length > 3 && name.startsWith('tg:') ? 'tg' : 'other';
}

/** @param allowOther whether names that are no role of the document may send any type (realm file, `bub.allowOther`) */
export function maySend(name: string, type: string, allowOther: boolean): boolean {
  const role = roleOf(name);
  return role === 'other' ? allowOther : MAY_SEND[role].includes(type);
}
