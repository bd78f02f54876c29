import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  Function as FunctionMessage,
  Line,
  Location,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';
import type { Frame, Measure, RuntimeProfile } from './profile.ts';

const gzipAsync = promisify(gzip);
const NANOS_PER_MS = 1_000_000;

/** Writes a profile in the form of pprof's `profile.proto`, compressed with gzip. */
export async function encodeProfile(profile: RuntimeProfile): Promise<Buffer> {
  const strings = new StringTable();
  const frames = new FrameTable(strings);
  const valueType = ({ type, unit }: Measure) =>
    new ValueType({ type: strings.dedup(type), unit: strings.dedup(unit) });
  const samples = profile.samples.map(
    ({ stack, values }) =>
      new Sample({
        locationId: stack.map((frame) => frames.locationOf(frame)),
        value: values.map(Math.round),
      }),
  );
  const { period } = profile;
  const message = new Profile({
    sampleType: profile.measures.map(valueType),
    sample: samples,
    location: frames.locations,
    function: frames.functions,
    stringTable: strings,
    timeNanos: BigInt(Math.round(profile.timeMs)) * BigInt(NANOS_PER_MS),
    durationNanos: Math.round(profile.durationMs * NANOS_PER_MS),
    ...(period === undefined ? {} : { periodType: valueType(period.measure), period: period.value }),
    ...(profile.comment === '' ? {} : { comment: [strings.dedup(profile.comment)] }),
  });
  return gzipAsync(await message.encodeAsync());
}

/** Numbers the functions of a profile, each with one location. */
class FrameTable {
  readonly functions: FunctionMessage[] = [];
  readonly locations: Location[] = [];
  readonly #strings: StringTable;
  readonly #ids = new Map<string, number>();

  constructor(strings: StringTable) {
    this.#strings = strings;
  }

  locationOf({ functionName, file, line }: Frame): number {
    const key = `${functionName}\0${file}\0${line}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#ids.size + 1;
    this.#ids.set(key, id);
    const name = this.#strings.dedup(functionName);
    this.functions.push(
      new FunctionMessage({
        id,
        name,
        systemName: name,
        filename: this.#strings.dedup(file),
        startLine: line,
      }),
    );
    this.locations.push(new Location({ id, line: [new Line({ functionId: id, line })] }));
    return id;
  }
}
