// A scout: a relay agent that is called by its name and tells what it sees. Runs in the page scout.html and in Node.

/** What grows around the hive. */
export const MEADOW = [
  { field: 'north', flowers: 3, metres: 100 },
  { field: 'east', flowers: 12, metres: 450 },
  { field: 'south', flowers: 7, metres: 200 },
  { field: 'west', flowers: 15, metres: 1100 },
];

/**
 * @param url of the router's relay endpoint
 * @param tell is given each line of the story; its promise is waited for
 * @param see is given how it stands: `{ state }`, `{ flight: field }`
 */
export function scout(url, tell, see = () => {}) {
  const ws = new WebSocket(url);
  const send = (message) => ws.send(JSON.stringify(message));
  const register = () => send({ type: 'register', name: 'scout' });
  let name = 'scout.relay';

  const answers = {
    registered(message) {
      name = message.name;
      see({ state: `${name}, peer ${message.peer_id}` });
      send({ type: 'subscribe', topic: 'updates.*' });
    },
    async subscribed() {
      await tell(`${name} is here`);
    },
    async inbound_call({ correlation_id, from_name }) {
      const seen = MEADOW.map(({ field, flowers }) => `${flowers} in the ${field}`).join(', ');
      await tell(`${name} → ${from_name}: flowers: ${seen}`);
      send({ type: 'call_response', correlation_id, success: true, payload: MEADOW });
    },
    async broadcast_message({ topic, payload }) {
      see({ flight: payload });
      await tell(`${name} ← ${topic}: ${payload}`);
    },
    error({ code, message }) {
      see({ state: message });
      // The name is free again as soon as the scout that has it leaves.
      if (code === 'name_taken') setTimeout(register, 1000);
    },
  };
  ws.onerror = () => {}; // what follows is onclose
  ws.onopen = register;
  ws.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    answers[message.type]?.(message);
  };
  ws.onclose = () => {
    see({ state: 'no router: asking until it is there' });
    setTimeout(() => scout(url, tell, see), 1000);
  };
}
