// Joins with WAMP-CRA: the secret in AGENT_SECRET stays here, a signature goes out. `waggle hash --cra` stores it salted.
import autobahn from 'autobahn';
import { connect } from './connect.js';

const { YAMTAM_AGENT_ID: authid, AGENT_SECRET: secret } = process.env;

const connection = connect(
  async (_session, details) => {
    console.log(`joined as ${details.authid} by ${details.authmethod}`);
    connection.close();
  },
  {
    authmethods: ['wampcra'],
    authid,
    onchallenge: (_session, _method, { challenge, salt, iterations, keylen }) => {
      const key = salt ? autobahn.auth_cra.derive_key(secret, salt, iterations, keylen) : secret;
      return autobahn.auth_cra.sign(key, challenge);
    },
  },
);
