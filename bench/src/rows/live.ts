import { startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';
import { flvBytesPerSecond } from '../load/live-shape.ts';

const APP = 'live';
const STREAM = 'bench';
const NEW_VIEWERS = 21;
const CPU = 'cores per Gbit/s';
const SLOWEST = '% of the rate, slowest viewer';
const PICTURE = 'ms to the first picture';
// Key frames come every two seconds: a window of whole multiples sees the same bytes for every viewer.
const WINDOW_SECONDS = 6;

/** What serving one RTMP publisher to many HTTP-FLV viewers costs, and what the slowest and the newest viewer get. */
export async function benchLive(options: BenchOptions): Promise<Section> {
  const rate = ((flvBytesPerSecond() * 8) / 1e6).toFixed(2);
  const section = emptySection(`Live HTTP-FLV fan-out of one RTMP publisher, ${rate} Mbit/s`);
  const sizes = options.full ? [500, 2_000] : [500];
  const variants = sizes.map((viewers) =>
    variant({
      name: `sluice, ${viewers} viewers`,
      start: (folder) => startGateway(folder),
      measure: async ({ process, ports }) => {
        const name = `sluice, ${viewers} viewers`;
        const publisher = startLoad('live-publisher', { rtmpPort: ports.rtmp, app: APP, stream: STREAM });
        const watching = startLoad('live-viewers', {
          httpPort: ports.mediaHttp,
          path: `/${APP}/${STREAM}.live.flv`,
          viewers,
          newViewers: NEW_VIEWERS,
          seconds: WINDOW_SECONDS,
        });
        try {
          await publisher.event('ready');
          await watching.event('start', 60_000);
          const before = process.usage().cpuSeconds;
          const report = await watching.event('end');
          const cpuSeconds = process.usage().cpuSeconds - before;
          const gigabits = (Number(report['bytes']) * 8) / 1e9;
          addValue(section, name, CPU, cpuSeconds / gigabits);
          addValue(section, name, 'Gbit/s delivered', gigabits / Number(report['seconds']));
          addValue(section, name, SLOWEST, Number(report['slowestShare']) * 100);
          addValue(section, name, PICTURE, Number((await watching.event('ready'))['medianMs']));
        } finally {
          await watching.process.stop();
          await publisher.process.stop();
        }
      },
    }),
  );
  await measureVariants(section, variants, options);
  for (const viewers of sizes) {
    // 0.25 times the 0.308 cores per Gbit/s that ZLMediaKit was measured at with its defaults; it is in no package to run here.
    compare(section, CPU, `sluice, ${viewers} viewers`, undefined, { most: 0.077 });
    compare(section, SLOWEST, `sluice, ${viewers} viewers`, undefined, { least: 97 });
    compare(section, PICTURE, `sluice, ${viewers} viewers`, undefined, { most: 200 });
  }
  addNote(
    section,
    'no Debian program serves HTTP-FLV; the target is a quarter of what ZLMediaKit took on a like machine',
  );
  return section;
}
