import type { LogLine } from '@sluice/api/native/types';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { useText } from '../text/text.ts';
import { Button } from '../ui/button.tsx';
import { SearchInput, Segmented } from '../ui/field.tsx';
import { ListPage } from '../ui/page.tsx';
import { EmptyState } from '../ui/panel.tsx';
import { useLogs } from './use-logs.ts';

type Level = LogLine['level'];

const LEVELS: readonly Level[] = ['debug', 'info', 'warning', 'error'];

const TONES: Readonly<Record<Level, string>> = {
  debug: 'text-faint',
  info: 'text-accent',
  warning: 'text-warn',
  error: 'text-bad',
};

export function LogsPage() {
  const { t, format } = useText();
  const [level, setLevel] = useState<Level>('info');
  const [search, setSearch] = useState('');
  const [paused, setPaused] = useState(false);
  const [follow, setFollow] = useState(true);
  const lines = useLogs(level, paused);
  const keyword = useDeferredValue(search.trim().toLowerCase());
  const shown = useMemo(
    () => (keyword === '' ? lines : lines.filter((line) => textOf(line).toLowerCase().includes(keyword))),
    [lines, keyword],
  );

  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 26,
    overscan: 12,
    getItemKey: (index) => shown[index]?.id ?? index,
  });
  useEffect(() => {
    if (follow && shown.length > 0) virtual.scrollToIndex(shown.length - 1, { align: 'end' });
  }, [follow, shown, virtual]);

  return (
    <ListPage
      tools={
        <>
          <Segmented
            label={t('logs.level')}
            value={level}
            onChange={setLevel}
            options={LEVELS.map((value) => ({ value, label: t(`level.${value}`) }))}
          />
          <SearchInput label={t('logs.search')} value={search} onChange={setSearch} />
          <Button icon={paused ? 'play' : 'pause'} aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {t(paused ? 'common.resume' : 'common.pause')}
          </Button>
          <Button
            icon="down"
            look={follow ? 'primary' : 'plain'}
            aria-pressed={follow}
            onClick={() => setFollow(!follow)}
          >
            {t('logs.follow')}
          </Button>
          <span className="ml-auto text-soft tabular-nums">
            {t('common.shown', { shown: format.number(shown.length), total: format.number(lines.length) })}
          </span>
        </>
      }
    >
      <div
        ref={scroller}
        role="log"
        aria-label={t('nav.logs')}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        className="min-h-0 flex-1 overflow-auto py-1 font-mono text-xs"
        onWheel={(event) => {
          if (event.deltaY < 0) setFollow(false);
        }}
      >
        {shown.length === 0 && <EmptyState title={t(keyword === '' ? 'logs.empty' : 'common.noMatch')} />}
        <div className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = shown[item.index];
            if (line === undefined) return null;
            return (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className="absolute inset-x-0 flex flex-wrap gap-x-3 px-3 py-0.5 leading-[22px] hover:bg-raised md:flex-nowrap md:px-5"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <span className="shrink-0 text-faint tabular-nums">{format.preciseTime(line.timeMs)}</span>
                <span className={`w-16 shrink-0 font-semibold ${TONES[line.level]}`}>
                  {t(`level.${line.level}`)}
                </span>
                <span className="w-28 shrink-0 truncate text-soft" title={line.scope}>
                  {line.scope}
                </span>
                <span className="min-w-0 basis-full break-words md:flex-1 md:basis-0">
                  {line.message} <span className="text-faint">{fieldsOf(line)}</span>
                </span>
              </div>
            );
          })}
        </div>
      </div>
    </ListPage>
  );
}

function fieldsOf(line: LogLine): string {
  return Object.entries(line.fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

function textOf(line: LogLine): string {
  return `${line.scope} ${line.message} ${fieldsOf(line)}`;
}
