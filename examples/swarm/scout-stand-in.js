// Plays the scout's own code in Node, for machines without a browser.
import { WebSocket } from 'ws';
import { scout } from './scout.js';

process.once('SIGTERM', () => process.exit());
globalThis.WebSocket ??= WebSocket;
scout(process.env.RELAY_URL ?? 'ws://localhost:9002/ws', console.log);
