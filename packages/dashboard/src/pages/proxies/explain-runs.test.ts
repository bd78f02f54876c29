import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExplainStepRow } from '@sluice/api/native/types';
import { runsOf } from './explain-runs.ts';

const step = (stage: ExplainStepRow['stage'], outcome: ExplainStepRow['outcome']): ExplainStepRow => ({
  stage,
  outcome,
  text: '',
});

describe('runs of an explanation', () => {
  it('keeps rules without a match together and everything else apart', () => {
    const runs = runsOf([
      step('destination', 'chosen'),
      step('rule', 'passed'),
      step('rule', 'skipped'),
      step('dns', 'resolved'),
      step('rule', 'passed'),
      step('rule', 'matched'),
      step('group', 'chosen'),
      step('outbound', 'chosen'),
    ]);
    assert.deepEqual(
      runs.map(({ key, steps }) => [key, steps.length]),
      [
        ['0', 1],
        ['1', 2],
        ['3', 1],
        ['4', 1],
        ['5', 1],
        ['6', 1],
        ['7', 1],
      ],
    );
  });

  it('has none for no steps', () => assert.deepEqual(runsOf([]), []));
});
