// How every agent here joins the swarm: a ticket from the environment, as in the snippets of the README.
import autobahn from 'autobahn';

const url = process.env.WAGGLE_URL ?? 'ws://localhost:8080/ws';

// The notes on connections that autobahn prints for developers; below it is said in plain words.
const { warn } = autobahn.log;
autobahn.log.warn = (note, ...rest) => /^(connection closed|auto-reconnect)/.test(note) || warn(note, ...rest);

/**
 * Joins realm `yamtam-swarm` and hands the session to `onJoin` — again after every reconnect, so what is subscribed
 * and registered in there is there again too.
 */
export function connect(onJoin, credentials = ticket()) {
  const connection = new autobahn.Connection({
    url,
    realm: 'yamtam-swarm',
    ...credentials,
    // An autobahn.Error thrown by a procedure is its answer; anything else is a bug.
    on_user_error: (error, where) => error instanceof autobahn.Error || console.error(where, error),
    // A router that restarts is back within seconds; ask soon, and go on asking.
    initial_retry_delay: 0.5,
    max_retry_delay: 5,
    max_retries: -1,
  });
  let away = false;
  connection.onopen = (session, details) => {
    away = false;
    onJoin(session, details).catch((error) => {
      fail(error.error ?? error, error.args ?? '');
      if (connection.isOpen) connection.close();
    });
  };
  connection.onclose = (why, { will_retry, reason, message }) => {
    if (will_retry) {
      if (!away)
        console.error(`${why === 'unreachable' ? 'no router' : 'no more router'} at ${url}: asking until it is there`);
      away = true;
    } else if (reason !== null && reason !== 'wamp.close.goodbye_and_out') {
      fail(`${reason}: ${message}`); // denied, no such realm, killed: coming back would not help
    }
    return false; // false: go on with the retries above
  };
  process.once('SIGTERM', () => (connection.isOpen ? connection.close() : process.exit()));
  connection.open();
  return connection;
}

function fail(...words) {
  console.error(...words);
  process.exitCode = 1;
}

/** The two variables that `npm start` prints. */
function ticket() {
  const { YAMTAM_AGENT_ID, YAMTAM_AGENT_TOKEN } = process.env;
  for (const [name, value] of Object.entries({ YAMTAM_AGENT_ID, YAMTAM_AGENT_TOKEN })) {
    if (value) continue;
    console.error(`${name} is not set: npm start prints it`);
    process.exit(1);
  }
  return { authmethods: ['ticket'], authid: YAMTAM_AGENT_ID, onchallenge: () => YAMTAM_AGENT_TOKEN };
}
