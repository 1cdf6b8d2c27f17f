/**
 * What a question to the permissions of a realm costs, by how many rules the role has: answered out of memory, as for
 * every message to a URI that was used before, and judged anew. Prints a table and fails nothing.
 *
 *     npx vitest bench test/bench/acl.bench.ts --run
 */
import { bench, describe } from 'vitest';
import { compileAcl } from '../../src/acl/compile.ts';
import type { Rule } from '../../src/acl/rule.ts';

const WHO = { authid: 'planner', authrole: 'agent', authmethod: 'ticket', authprovider: 'static' };

function rules(count: number): Rule[] {
  return Array.from({ length: count }, (_, i) => ({
    uri: `yamtam.area${i}.`,
    match: 'prefix',
    allow: ['publish', 'subscribe', 'call', 'register'],
    deny: [],
    disclose: [],
    at: `realm.yaml:${i}`,
  }));
}

for (const count of [5, 50, 500]) {
  describe(`${count} rules`, () => {
    const acl = compileAcl(new Map([['agent', rules(count)]]));
    const last = `yamtam.area${count - 1}.task`;
    let n = 0;
    bench('a URI used before', () => {
      acl.authorize(WHO, 'publish', last, 'exact');
    });
    bench('a URI never seen', () => {
      n += 1;
      acl.authorize(WHO, 'publish', `yamtam.area${count - 1}.task${n}`, 'exact');
    });
    bench('a pattern', () => {
      acl.authorize(WHO, 'subscribe', last, 'prefix');
    });
  });
}
