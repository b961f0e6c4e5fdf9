import { RECOMPUTE_MODULES } from './keys.ts';
import type { Recompute, RecomputeModule } from './strategy.ts';

/** Selective recomputation of these modules: sorted, without repetition; none of them is no recomputation. */
export const selective = (modules: readonly RecomputeModule[]): Recompute => {
  const sorted = [...new Set(modules)].sort();
  return sorted.length === 0 ? { kind: 'none' } : { kind: 'selective', modules: sorted };
};

/** `none`, `full`, `full:block:N`, `full:uniform:N` or `selective:a+b`. */
export const recomputeToText = (recompute: Recompute): string => {
  switch (recompute.kind) {
    case 'none':
    case 'full':
      return recompute.kind;
    case 'full-block':
      return `full:block:${recompute.layers}`;
    case 'full-uniform':
      return `full:uniform:${recompute.layers}`;
    case 'selective':
      return `selective:${recompute.modules.join('+')}`;
  }
};

const isModule = (name: string): name is RecomputeModule =>
  RECOMPUTE_MODULES.some((module) => module === name);

/** null for anything that `recomputeToText` would not print, but for the order and repetition of modules. */
export const parseRecompute = (text: string): Recompute | null => {
  if (text === 'none' || text === 'full') return { kind: text };
  const full = /^full:(block|uniform):([1-9]\d{0,5})$/.exec(text);
  if (full !== null)
    return { kind: full[1] === 'block' ? 'full-block' : 'full-uniform', layers: Number(full[2]) };
  if (!text.startsWith('selective:')) return null;
  const modules = text.slice('selective:'.length).split('+');
  return modules.every(isModule) ? selective(modules) : null;
};
