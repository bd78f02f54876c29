import { MOMENTARY_PROFILES, type RuntimeProfiler } from './runtime-profiler.ts';

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  allocs: 'Everything allocated in the next seconds (set them with seconds=N), by function.',
  block: 'Timers that came late because the event loop was busy.',
  cmdline: 'The command line of this process.',
  goroutine: 'What keeps the event loop alive, by type.',
  heap: 'Live objects by the function that made them. gc=1 collects garbage first.',
  mutex: 'Garbage collections by kind.',
  profile: 'Where the time goes, by function. Set the duration with seconds=N.',
  threadcreate: 'Threads by name.',
};

/** The page that lists the profiles with the number of their samples. */
export async function pprofIndex(profiler: RuntimeProfiler): Promise<string> {
  const counts = new Map<string, number>();
  for (const name of MOMENTARY_PROFILES) counts.set(name, (await profiler.momentary(name)).samples.length);
  const rows = Object.entries(DESCRIPTIONS).map(([name, description]) => {
    const link = counts.has(name) ? `${name}?debug=1` : name;
    return `<tr><td>${counts.get(name) ?? ''}</td><td><a href="${link}">${name}</a></td><td>${description}</td></tr>\n`;
  });
  return `<!doctype html>
<html>
<head><title>/debug/pprof/</title></head>
<body>
<h1>/debug/pprof/</h1>
<table>
<tr><th>Samples</th><th>Profile</th><th></th></tr>
${rows.join('')}</table>
</body>
</html>
`;
}
