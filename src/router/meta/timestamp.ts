const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d{1,12})?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Reads a timestamp of RFC 3339, which always names its distance from UTC.
 * @returns milliseconds since the epoch, with a fraction where the text has one; undefined: it is none
 */
export function parseTimestamp(text: string): number | undefined {
  const found = RFC_3339.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map(Number);
  const midnight = new Date(0);
  // Not Date.UTC, to which the year 99 is 1999.
  midnight.setUTCFullYear(year, month - 1, day);
  const isDay = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
  const [, , , , , , , fraction = '', sign, hours, minutes] = found;
  const [aheadHours, aheadMinutes] = [Number(hours ?? 0), Number(minutes ?? 0)];
  // 60: a leap second.
  if (!isDay || hour > 23 || minute > 59 || second > 60 || aheadHours > 23 || aheadMinutes > 59) return undefined;
  const ahead = (sign === '-' ? -1 : 1) * (aheadHours * 60 + aheadMinutes);
  const seconds = hour * 3600 + (minute - ahead) * 60 + second;
  return midnight.getTime() + seconds * 1000 + (fraction === '' ? 0 : Number(fraction) * 1000);
}
