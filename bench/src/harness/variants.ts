import { errorText } from '@sluice/base/errors';
import type { BenchOptions } from './options.ts';
import type { PinnedProcess } from './pinned-process.ts';
import { addNote, type Section } from './section.ts';
import { withFolder } from './workspace.ts';

/** A started server that one variant measures; undefined stands for a program that is not installed. */
export type Started = { readonly process: PinnedProcess } | undefined;

/** One server under comparison. */
export type Variant<S extends NonNullable<Started>> = {
  readonly name: string;
  start(folder: string): Promise<S | undefined>;
  measure(server: S): Promise<void>;
};

/** Keeps the server type of each variant to itself. */
export type AnyVariant = { readonly name: string; run(folder: string): Promise<boolean> };

/** A variant as the harness runs it: started, measured, stopped. */
export function variant<S extends NonNullable<Started>>({ name, start, measure }: Variant<S>): AnyVariant {
  return {
    name,
    async run(folder) {
      const server = await start(folder);
      if (server === undefined) return false;
      try {
        await measure(server);
      } finally {
        await server.process.stop();
      }
      return true;
    },
  };
}

/**
 * Measures all variants in turn, `repeats` times over, so that other load on the machine meets them alike. A variant that
 * is missing is left out, and so is one that fails twice; both are noted.
 */
export async function measureVariants(
  section: Section,
  variants: readonly AnyVariant[],
  options: BenchOptions,
): Promise<void> {
  const left = new Set(variants);
  const failed = new Set<AnyVariant>();
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const each of left) {
      try {
        const isThere = await withFolder((folder) => each.run(folder));
        if (isThere) continue;
        addNote(section, `${each.name} is not installed, its rows are left out`);
      } catch (error) {
        addNote(section, `${each.name} failed: ${errorText(error)}`);
        if (!failed.has(each)) {
          failed.add(each);
          continue;
        }
      }
      left.delete(each);
    }
  }
}
