// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by transform, which table elements do not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: rows and headers that can be used hold or are the control
import {
  createSortedRowModel,
  rowSortingFeature,
  type SortingState,
  sortFn_basic,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from 'react';
import { useWidth } from './use-width.ts';

export type Column<T> = {
  readonly id: string;
  readonly header: string;
  /** CSS grid track, for example `minmax(8rem, 2fr)`. */
  readonly track: string;
  readonly end?: boolean;
  readonly cell: (row: T) => ReactNode;
  /** Sortable by this value when given. */
  readonly sort?: (row: T) => number | string;
  /** Left out while the table is narrower than this many pixels. */
  readonly fromWidth?: number;
};

type DataTableProps<T> = {
  readonly label: string;
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly columns: readonly Column<T>[];
  /** One row on a narrow screen, instead of columns. */
  readonly compact: (row: T) => ReactNode;
  readonly empty: ReactNode;
  readonly onOpen?: (row: T) => void;
  readonly openKey?: string | undefined;
  readonly rowTone?: (row: T) => string;
  readonly onEnd?: () => void;
};

const ROW_PX = 34;
const COMPACT_ROW_PX = 58;
const COMPACT_BELOW_PX = 520;

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});

/** A long live list: only rows in view exist, columns sort, and narrow screens get a compact form. */
export function DataTable<T extends object>(props: DataTableProps<T>) {
  const { rows, columns, rowKey } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const width = useWidth(scroller);
  const compact = width < COMPACT_BELOW_PX;
  const shown = useMemo(() => columns.filter((column) => width >= (column.fromWidth ?? 0)), [columns, width]);
  const template = shown.map((column) => column.track).join(' ');

  const [sorting, setSorting] = useState<SortingState>([]);
  const definitions = useMemo(
    () =>
      columns.map((column) => ({
        id: column.id,
        accessorFn: column.sort ?? (() => 0),
        enableSorting: column.sort !== undefined,
        sortFn: 'basic' as const,
      })),
    [columns],
  );
  const data = useMemo(() => [...rows], [rows]);
  const table = useTable({
    features,
    columns: definitions,
    data,
    state: { sorting },
    onSortingChange: setSorting,
    getRowId: rowKey,
  });
  const model = table.getRowModel().rows;

  const virtual = useVirtualizer({
    count: model.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (compact ? COMPACT_ROW_PX : ROW_PX),
    overscan: 8,
    getItemKey: (index) => model[index]?.id ?? index,
  });

  const onScroll = () => {
    const box = scroller.current;
    if (box !== null && box.scrollHeight - box.scrollTop - box.clientHeight < 400) props.onEnd?.();
  };

  return (
    <div
      ref={scroller}
      onScroll={onScroll}
      role="table"
      aria-label={props.label}
      aria-rowcount={model.length}
      className="min-h-0 flex-1 overflow-auto"
    >
      {!compact && (
        <div
          role="row"
          className="sticky top-0 z-10 grid border-line border-b bg-panel"
          style={{ gridTemplateColumns: template }}
        >
          {shown.map((column) => (
            <HeaderCell key={column.id} column={column} sorting={sorting} onSort={setSorting} />
          ))}
        </div>
      )}
      {model.length === 0 ? (
        props.empty
      ) : (
        <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = model[item.index]?.original;
            if (row === undefined) return null;
            const key = String(item.key);
            return (
              <div
                key={key}
                role="row"
                aria-rowindex={item.index + 1}
                aria-selected={props.openKey === key}
                {...(props.onOpen === undefined ? {} : openerOf(() => props.onOpen?.(row)))}
                className={`absolute inset-x-0 grid items-center border-line/60 border-b aria-selected:bg-wash ${
                  props.onOpen === undefined
                    ? ''
                    : 'cursor-pointer hover:bg-raised focus-visible:-outline-offset-2'
                } ${props.rowTone?.(row) ?? ''}`}
                style={{
                  height: item.size,
                  transform: `translateY(${item.start}px)`,
                  gridTemplateColumns: compact ? '1fr' : template,
                }}
              >
                {compact ? (
                  <div role="cell" className="min-w-0 px-3">
                    {props.compact(row)}
                  </div>
                ) : (
                  shown.map((column) => (
                    <div
                      key={column.id}
                      role="cell"
                      className={`min-w-0 truncate px-2 tabular-nums first:pl-3 last:pr-3 md:first:pl-5 md:last:pr-5 ${column.end === true ? 'text-right' : ''}`}
                    >
                      {column.cell(row)}
                    </div>
                  ))
                )}
              </div>
            );
          })}
        </div>
      )}
    </div>
  );
}

function HeaderCell<T>(props: {
  readonly column: Column<T>;
  readonly sorting: SortingState;
  readonly onSort: (sorting: SortingState) => void;
}) {
  const { column } = props;
  const sorted = props.sorting.find((entry) => entry.id === column.id);
  const ends = column.end === true ? 'justify-end' : '';
  // Largest first is what people look for in live tables; a third press returns to the order of arrival.
  const next: SortingState =
    sorted === undefined
      ? [{ id: column.id, desc: true }]
      : sorted.desc
        ? [{ id: column.id, desc: false }]
        : [];
  return (
    <div
      role="columnheader"
      aria-sort={sorted === undefined ? 'none' : sorted.desc ? 'descending' : 'ascending'}
      className="min-w-0 first:pl-1 last:pr-1 md:first:pl-3 md:last:pr-3"
    >
      {column.sort === undefined ? (
        <span className={`flex h-8 items-center truncate px-2 font-medium text-faint text-xs ${ends}`}>
          {column.header}
        </span>
      ) : (
        <button
          type="button"
          onClick={() => props.onSort(next)}
          className={`flex h-8 w-full items-center gap-1 px-2 font-medium text-faint text-xs hover:text-ink ${ends}`}
        >
          <span className="truncate">{column.header}</span>
          {sorted !== undefined && <span aria-hidden="true">{sorted.desc ? '↓' : '↑'}</span>}
        </button>
      )}
    </div>
  );
}

/** Makes a row act like a button: Enter and Space open it, arrows move to its neighbours. */
function openerOf(open: () => void) {
  return {
    tabIndex: 0,
    onClick: open,
    onKeyDown(event: KeyboardEvent<HTMLElement>) {
      if (event.target !== event.currentTarget) return;
      const row = event.currentTarget;
      const neighbour = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
      if (event.key === 'Enter' || event.key === ' ') open();
      else if (neighbour !== 0) focusRow(row, Number(row.ariaRowIndex ?? 0) + neighbour);
      else return;
      event.preventDefault();
    },
  };
}

function focusRow(row: HTMLElement, index: number): void {
  row.parentElement?.querySelector<HTMLElement>(`[aria-rowindex="${index}"]`)?.focus();
}
