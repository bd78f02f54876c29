import type { ExplainStepRow } from '@sluice/api/native/types';
import { useText } from '../../text/text.ts';
import { runsOf } from './explain-runs.ts';

const MARKS: Readonly<Record<ExplainStepRow['outcome'], { readonly sign: string; readonly tone: string }>> = {
  matched: { sign: '✓', tone: 'bg-good text-panel' },
  passed: { sign: '·', tone: 'bg-raised text-faint' },
  resolved: { sign: '=', tone: 'bg-wash text-accent' },
  failed: { sign: '✕', tone: 'bg-bad text-panel' },
  skipped: { sign: '–', tone: 'bg-raised text-faint' },
  chosen: { sign: '→', tone: 'bg-wash text-accent' },
};

/** So many rules without a match in a row are folded away. */
const FOLDED_FROM = 8;

/** Each thing that was looked at on the way to the decision, in order. */
export function ExplainStory({ steps }: { readonly steps: readonly ExplainStepRow[] }) {
  const { t, format } = useText();
  return (
    <ol className="flex flex-col gap-1 px-4 py-3">
      {runsOf(steps).map(({ key, steps: run }) =>
        run.length < FOLDED_FROM ? (
          run.map((step, index) => <Step key={`${key}.${String(index)}`} step={step} />)
        ) : (
          <li key={key}>
            <details>
              <summary className="py-0.5 text-faint">
                {t('explain.passed', { number: format.number(run.length) })}
              </summary>
              <ol className="flex flex-col gap-1 py-1">
                {run.map((step, index) => (
                  <Step key={`${key}.${String(index)}`} step={step} />
                ))}
              </ol>
            </details>
          </li>
        ),
      )}
    </ol>
  );
}

function Step({ step }: { readonly step: ExplainStepRow }) {
  const { t } = useText();
  const { sign, tone } = MARKS[step.outcome];
  const quiet = step.outcome === 'passed' || step.outcome === 'skipped';
  return (
    <li className="flex items-start gap-2.5">
      <span
        className={`mt-px grid size-4.5 shrink-0 place-items-center rounded-full font-bold text-[11px] ${tone}`}
        title={t(`outcome.${step.outcome}`)}
      >
        <span aria-hidden="true">{sign}</span>
        <span className="sr-only">{t(`outcome.${step.outcome}`)}</span>
      </span>
      <span className="w-24 shrink-0 text-soft sm:w-28">{t(`stage.${step.stage}`)}</span>
      <span className={`min-w-0 flex-1 break-words ${quiet ? 'text-faint' : ''}`}>{step.text}</span>
    </li>
  );
}
