// How every agent here joins the swarm: a ticket from the environment, as in the snippets of the README.
import autobahn from 'autobahn';

/**
 * Joins realm `yamtam-swarm` and hands the session to `onJoin` — again after every reconnect, so what is subscribed
 * and registered in there is there again too.
 */
export function connect(onJoin) {
  const connection = new autobahn.Connection({
    url: process.env.WAGGLE_URL ?? 'ws://localhost:8080/ws',
    realm: 'yamtam-swarm',
    authmethods: ['ticket'],
    authid: process.env.YAMTAM_AGENT_ID,
    onchallenge: (_session, method) => {
      if (method === 'ticket') return process.env.YAMTAM_AGENT_TOKEN;
      throw new Error(`unsupported auth: ${method}`);
    },
    // A router that restarts is back within seconds; ask soon, and go on asking.
    initial_retry_delay: 0.5,
    max_retry_delay: 5,
    max_retries: -1,
  });
  connection.onopen = (session) => {
    onJoin(session).catch((error) => {
      console.error(error.error ?? error, error.args ?? '');
      process.exitCode = 1;
      connection.close();
    });
  };
  connection.onclose = (reason, details) => {
    if (reason === 'unreachable') console.error(`no router at ${connection.url ?? 'the URL'}: is it running?`);
    else if (details?.reason && details.reason !== 'wamp.close.goodbye_and_out') {
      console.error(`${reason}: ${details.reason} ${details.message ?? ''}`);
    }
    return false; // false: go on with the retries above
  };
  process.once('SIGTERM', () => connection.close());
  connection.open();
  return connection;
}
