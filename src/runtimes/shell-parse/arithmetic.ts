/** Integer arithmetic of the shell, as far as launch scripts use it. */

type Lookup = (name: string) => string | null;

const token = /\s*(?:(\d+)|([A-Za-z_]\w*)|(\*\*|<=|>=|==|!=|&&|\|\||[-+*/%()<>!]))/uy;

const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['+', '-'],
  ['*', '/', '%'],
];

const apply = (operator: string, a: number, b: number): number => {
  switch (operator) {
    case '||':
      return a !== 0 || b !== 0 ? 1 : 0;
    case '&&':
      return a !== 0 && b !== 0 ? 1 : 0;
    case '==':
      return a === b ? 1 : 0;
    case '!=':
      return a === b ? 0 : 1;
    case '<':
      return a < b ? 1 : 0;
    case '<=':
      return a <= b ? 1 : 0;
    case '>':
      return a > b ? 1 : 0;
    case '>=':
      return a >= b ? 1 : 0;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? Number.NaN : Math.trunc(a / b);
    default:
      return b === 0 ? Number.NaN : a % b;
  }
};

const tokensOf = (text: string): readonly string[] | null => {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const end = text.trimEnd().length;
  while (token.lastIndex < end) {
    const match = token.exec(text);
    if (match === null) return null;
    tokens.push(match[0].trim());
  }
  return tokens;
};

/** The value of an expression; null where it holds what is unknown, not understood, or beyond exact integers. */
export const evaluateArithmetic = (text: string, lookup: Lookup): number | null => {
  if (text.length > 2000) return null;
  const tokens = tokensOf(text);
  if (tokens === null || tokens.length === 0) return null;
  let index = 0;
  let depth = 0;
  const primary = (): number => {
    const word = tokens[index++];
    if (word === undefined || ++depth > 60) return Number.NaN;
    try {
      if (word === '(') {
        const value = level(0);
        return tokens[index++] === ')' ? value : Number.NaN;
      }
      if (word === '-') return -primary();
      if (word === '+') return primary();
      if (word === '!') return primary() === 0 ? 1 : 0;
      if (/^\d/u.test(word)) return Number(word);
      if (!/^\w/u.test(word)) return Number.NaN;
      const value = lookup(word);
      return value === null || !/^\s*-?\d+\s*$/u.test(value) ? Number.NaN : Number(value);
    } finally {
      depth -= 1;
    }
  };
  const power = (): number => {
    const base = primary();
    if (tokens[index] !== '**') return base;
    index += 1;
    return base ** primary();
  };
  const level = (at: number): number => {
    const operators = LEVELS[at];
    if (operators === undefined) return power();
    let value = level(at + 1);
    for (
      let operator = tokens[index];
      operator !== undefined && operators.includes(operator);
      operator = tokens[index]
    ) {
      index += 1;
      value = apply(operator, value, level(at + 1));
    }
    return value;
  };
  const value = level(0);
  return index === tokens.length && Number.isSafeInteger(value) ? value : null;
};
