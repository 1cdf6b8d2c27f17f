#!/usr/bin/env node
import { COMMANDS } from './cli/commands.ts';
import { ExitCode } from './cli/io.ts';
import { reportBug, run } from './cli/program.ts';

// A rejected promise that nobody awaits arrives here as well. Nothing can be trusted any more: say so and end.
process.on('uncaughtException', (error) => process.exit(reportBug(error, process)));

// `waggle check | head` closes the pipe early; that is the reader's good right and no bug.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitCode.good);
  throw error;
});

process.exitCode = await run(process.argv.slice(2), process, COMMANDS);
