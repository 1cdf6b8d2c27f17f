/** The scenarios of test/spec/scenarios, driven by the real autobahn package, in process and over every transport. */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { callsInFlightScenarios } from '../spec/scenarios/calls-in-flight.ts';
import { environments } from '../spec/scenarios/environment.ts';
import { historyScenarios } from '../spec/scenarios/history.ts';
import { passthruScenarios } from '../spec/scenarios/passthru.ts';
import { pubSubScenarios } from '../spec/scenarios/pubsub.ts';
import { retentionScenarios } from '../spec/scenarios/retention.ts';
import { rpcScenarios } from '../spec/scenarios/rpc.ts';
import { sessionScenarios } from '../spec/scenarios/session.ts';

for (const env of environments()) {
  describe(env.name, () => {
    beforeAll(() => env.start());
    afterAll(() => env.stop());
    afterEach(() => env.settle());
    sessionScenarios(env);
    pubSubScenarios(env);
    retentionScenarios(env);
    historyScenarios(env);
    rpcScenarios(env);
    callsInFlightScenarios(env);
    passthruScenarios(env);
  });
}
