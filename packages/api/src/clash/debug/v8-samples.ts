import type { HeapProfiler, Profiler, Runtime } from 'node:inspector';
import { type Frame, mergeSamples, type ProfileSample } from './profile.ts';

const MICROS_TO_NANOS = 1_000;
/** The profiler's own types leave these members out. */
type HeapNode = HeapProfiler.SamplingHeapProfileNode & {
  readonly id: number;
  readonly children: readonly HeapNode[];
};
export type HeapProfile = {
  readonly head: HeapNode;
  readonly samples: readonly { readonly nodeId: number }[];
};

/** Time in which the program waits; sampled all the same, but nobody's work. */
const IDLE = '(idle)';

/** Objects and bytes by stack from V8's sampling heap profiler. */
export function heapSamples({ head, samples }: HeapProfile): readonly ProfileSample[] {
  const objects = new Map<number, number>();
  for (const { nodeId } of samples) objects.set(nodeId, (objects.get(nodeId) ?? 0) + 1);
  const found: ProfileSample[] = [];
  const waiting: { node: HeapNode; callers: readonly Frame[] }[] = [{ node: head, callers: [] }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, callers } = next;
    // The root of the tree is no function.
    const stack = node === head ? [] : [frameOf(node.callFrame), ...callers];
    if (node.selfSize > 0) found.push({ stack, values: [objects.get(node.id) ?? 0, node.selfSize] });
    for (const child of node.children) waiting.push({ node: child, callers: stack });
  }
  return mergeSamples(found);
}

/** Samples and nanoseconds by stack from V8's CPU profiler, without the time the program waited. */
export function cpuSamples(profile: Profiler.Profile, periodMicros: number): readonly ProfileSample[] {
  const stacks = stacksById(profile.nodes);
  const deltas = profile.timeDeltas ?? [];
  const found = (profile.samples ?? []).flatMap((id, index): readonly ProfileSample[] => {
    const stack = stacks.get(id);
    if (stack === undefined || stack.length === 0 || stack[0]?.functionName === IDLE) return [];
    // A sample stands for the time until the next one.
    const micros = Math.max(0, deltas[index + 1] ?? periodMicros);
    return [{ stack, values: [1, micros * MICROS_TO_NANOS] }];
  });
  return mergeSamples(found);
}

function stacksById(nodes: readonly Profiler.ProfileNode[]): ReadonlyMap<number, readonly Frame[]> {
  const parents = new Map<number, Profiler.ProfileNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  const stacks = new Map<number, readonly Frame[]>();
  for (const node of nodes) {
    const stack: Frame[] = [];
    for (let at: Profiler.ProfileNode | undefined = node; at !== undefined; at = parents.get(at.id))
      if (parents.has(at.id)) stack.push(frameOf(at.callFrame));
    stacks.set(node.id, stack);
  }
  return stacks;
}

function frameOf({ functionName, url, lineNumber }: Runtime.CallFrame): Frame {
  return {
    functionName: functionName || '(anonymous)',
    file: url.replace(/^file:\/\//, ''),
    line: lineNumber + 1,
  };
}
