import type { Model } from '../../model/model.ts';

export interface TitanModel {
  readonly name: string;
  readonly flavor: string;
}

/**
 * How torchtitan's own registry names a model (torchtitan/models/<name>/__init__.py, flavors by size, pytorch/torchtitan
 * @ 01424cb2 and 0a8d2b0a); null for models that it does not hold.
 */
export const titanModel = ({ name, modelType }: Model): TitanModel | null => {
  const plain = name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/[_.]/gu, '-');
  const llama = /^(?:meta-)?llama-?3(?:-\d)?-(8b|70b|405b)\b/u.exec(plain);
  if (modelType === 'llama' && llama !== null)
    return { name: 'llama3', flavor: (llama[1] ?? '').toUpperCase() };
  const qwen = /^qwen3-(\d+(?:-\d+)?b(?:-a\d+b)?)$/u.exec(plain);
  if (modelType.startsWith('qwen3') && modelType !== 'qwen3_next' && qwen !== null)
    return { name: 'qwen3', flavor: (qwen[1] ?? '').replace(/^(\d+)-(\d+b)/u, '$1.$2').toUpperCase() };
  if (modelType === 'deepseek_v3' && /^deepseek-(?:v3|r1)$/u.test(plain))
    return { name: 'deepseek_v3', flavor: '671B' };
  const oss = /^gpt-oss-(20b|120b)$/u.exec(plain);
  return modelType === 'gpt_oss' && oss !== null ? { name: 'gpt_oss', flavor: oss[1] ?? '' } : null;
};
