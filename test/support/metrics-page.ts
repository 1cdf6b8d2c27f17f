/** Figures of the page `/metrics` by name and labels, e.g. `waggle_denied_total{action="call"}`. */
export async function metricsOf(admin: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const figures = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    figures.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** One figure. @throws Error where the page has none of that name */
export async function metric(admin: string, name: string): Promise<number> {
  const value = (await metricsOf(admin)).get(name);
  if (value === undefined) throw new Error(`no figure ${name}`);
  return value;
}
