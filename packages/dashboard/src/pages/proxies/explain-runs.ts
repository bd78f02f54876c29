import type { ExplainStepRow } from '@sluice/api/native/types';

/** Steps that are shown together. */
type Run = { readonly key: string; readonly steps: readonly ExplainStepRow[] };

/** Puts rules that did not match, one after the other, into one run; every other step is a run of its own. */
export function runsOf(steps: readonly ExplainStepRow[]): readonly Run[] {
  const runs: { key: string; steps: ExplainStepRow[] }[] = [];
  let folding = false;
  for (const [index, step] of steps.entries()) {
    const passed = step.stage === 'rule' && (step.outcome === 'passed' || step.outcome === 'skipped');
    if (passed && folding) runs.at(-1)?.steps.push(step);
    else runs.push({ key: String(index), steps: [step] });
    folding = passed;
  }
  return runs;
}
