import { createHash, randomBytes } from 'node:crypto';
import { ExitCode, type Io } from './io.ts';

/** 256 bits: out of reach of guessing, so that a plain SHA-256 is enough to store it (CONTRACT §4, "Secrets"). */
const TICKET_BYTES = 32;

/** `waggle ticket new`: a random ticket, and the YAML that holds its hash. */
export function ticketNew(io: Pick<Io, 'stdout'>): number {
  const ticket = randomBytes(TICKET_BYTES).toString('base64url');
  const hash = createHash('sha256').update(ticket).digest('hex');
  io.stdout.write(`# the ticket: for the agent alone, it stands nowhere else\n${ticket}\n\n`);
  io.stdout.write(`# below the principal in realms/<realm>.yaml\nticket: { hash: "sha256$${hash}" }\n`);
  return ExitCode.good;
}
