import type { Config } from '../config/types.ts';
import { ActivityLog, ActivityLogError } from '../observe/activity/activity-log.ts';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../router/clock.ts';

/**
 * Opens the activity log that the configuration names. Where better-sqlite3 is missing the router runs without one and
 * says so (BRIDGES §1, "Activity log").
 * @returns undefined: none is configured, or none is possible here
 * @throws ActivityLogError where the file cannot be used: an audit that was asked for is not left out silently
 */
export async function openActivityLog(config: Config, log: Log, clock: Clock): Promise<ActivityLog | undefined> {
  const { activityLog } = config.router;
  if (activityLog === undefined) return undefined;
  try {
    return await ActivityLog.open({
      ...activityLog,
      clock,
      onProblem: ({ severity, text }) => log[severity](text),
    });
  } catch (error) {
    if (!(error instanceof ActivityLogError)) throw error;
    if (!error.sqliteMissing)
      throw new ActivityLogError(`activityLog.file ${activityLog.file}: ${error.message}`, false);
    log.warn(`running without activity log: ${error.message}`);
    return undefined;
  }
}
