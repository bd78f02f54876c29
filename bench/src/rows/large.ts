import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../harness/gateway.ts';
import { LARGE, writeLargeConfig } from '../harness/large-config.ts';
import type { BenchOptions } from '../harness/options.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';

const SETTLE_MS = 2_000;
const EMPTY = 'no proxies, no sets';
const FULL = 'the large configuration';
const MORE = 'the large configuration, beyond an empty one';
const READY = 's until it listens';
const CPU = 'CPU-s until it listens';

/** How long a process with a large configuration takes until it serves, and what it then uses. */
export async function benchLarge(options: BenchOptions): Promise<Section> {
  const section = emptySection(
    `Start with ${LARGE.proxies} proxies, ${LARGE.groups} groups and ${LARGE.ruleProviders} cached rule providers of ${LARGE.entries} entries`,
  );
  const started = (
    name: string,
    write: (folder: string) => ReturnType<typeof writeLargeConfig> | undefined,
  ) =>
    variant({
      name,
      async start(folder) {
        const large = write(folder);
        const startMs = performance.now();
        const gateway = await startGateway(folder, large);
        return { ...gateway, seconds: (performance.now() - startMs) / 1_000 };
      },
      async measure({ process, seconds }) {
        addValue(section, name, READY, seconds);
        addValue(section, name, CPU, process.usage().cpuSeconds);
        await sleep(SETTLE_MS);
        addValue(section, name, 'MB resident', process.usage().rssBytes / 1e6);
      },
    });
  await measureVariants(section, [started(EMPTY, () => undefined), started(FULL, writeLargeConfig)], options);
  for (const unit of [READY, CPU]) {
    const [empty, full] = [EMPTY, FULL].map((name) =>
      section.rows.find((row) => row.name === name && row.unit === unit),
    );
    for (const [index, value] of (full?.values ?? []).entries())
      addValue(section, MORE, unit, value - (empty?.values[index] ?? 0));
  }
  compare(section, READY, MORE, undefined, { most: 2 });
  compare(section, CPU, MORE, undefined, { most: 2 });
  compare(section, 'MB resident', FULL, undefined, { most: 250 });
  addNote(section, 'the whole process with every plane on, from its start; on one core');
  return section;
}
