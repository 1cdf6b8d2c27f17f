import { createHash, randomBytes } from 'node:crypto';
import { ExitCode, type Io } from './io.ts';

/** 256 bits: out of reach of guessing, so that a plain SHA-256 is enough to store it (CONTRACT §4, "Secrets"). */
const TICKET_BYTES = 32;

/** `waggle ticket new`: a random ticket, how an agent gets it, and the YAML that holds its hash. */
export function ticketNew(io: Pick<Io, 'stdout'>): number {
  const ticket = randomBytes(TICKET_BYTES).toString('base64url');
  const hash = createHash('sha256').update(ticket).digest('hex');
  io.stdout.write('# the ticket: give it to the agent; it is stored nowhere\n');
  io.stdout.write(`${ticket}\n\n# for its environment, with its own authid\n`);
  io.stdout.write(`export YAMTAM_AGENT_ID=my-agent\nexport YAMTAM_AGENT_TOKEN=${ticket}\n\n`);
  io.stdout.write(`# below the principal in realms/<realm>.yaml\nticket: { hash: "sha256$${hash}" }\n`);
  return ExitCode.good;
}
