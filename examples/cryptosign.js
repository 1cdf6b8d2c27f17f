// Joins with a key instead of a ticket: the file that `waggle keys new --out agent.key` made is all it needs.
import { readFileSync } from 'node:fs';
import autobahn from 'autobahn';
import { connect } from './connect.js';

const seed = Buffer.from(readFileSync(process.argv[2] ?? 'agent.key', 'utf8').trim(), 'hex');
const keys = autobahn.nacl.sign.keyPair.fromSeed(seed);

const connection = connect(
  async (_session, details) => {
    console.log(`joined as ${details.authid} by ${details.authmethod}`);
    connection.close();
  },
  {
    authmethods: ['cryptosign'],
    // The key says who it is, so no authid is needed.
    authextra: { pubkey: Buffer.from(keys.publicKey).toString('hex') },
    onchallenge: (_session, _method, extra) => autobahn.auth_cryptosign.sign_challenge(keys, extra),
  },
);
