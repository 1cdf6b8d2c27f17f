import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config, RouterConfig } from '../../../src/config/types.ts';
import { createLog } from '../../../src/observe/log.ts';
import { openActivityLog } from '../../../src/server/activity.ts';
import { NO_SQLITE, REAL_TIME, temporaryFolder } from '../../support/activity.ts';

function config(activityLog?: RouterConfig['activityLog']): Config {
  const router = { ...(activityLog === undefined ? {} : { activityLog }) } as RouterConfig;
  return { router } as Config;
}

const silent = createLog('silent', { write() {} });

describe('the activity log of a configuration', () => {
  it('is none where none is configured', async () => {
    expect(await openActivityLog(config(), silent, REAL_TIME)).toBeUndefined();
  });

  it.skipIf(NO_SQLITE !== undefined)('is opened with the settings of the configuration', async () => {
    const file = join(temporaryFolder(), 'data', 'a.sqlite3');
    const log = await openActivityLog(config({ file, whenFull: 'drop', maxAgeMs: 1000 }), silent, REAL_TIME);
    expect(log?.healthy).toBe(true);
    await log?.close();
  });

  it.skipIf(NO_SQLITE !== undefined)('a file that cannot be used is named, and the router does not start', async () => {
    const file = join(temporaryFolder(), 'a.sqlite3');
    writeFileSync(file, 'no database'.repeat(100));
    const opening = openActivityLog(config({ file, whenFull: 'block' }), silent, REAL_TIME);
    await expect(opening).rejects.toThrow(`activityLog.file ${file}: file is not a database`);
  });
});
