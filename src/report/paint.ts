/** How a word is meant; a painter turns it into colour. */
export type Style = 'plain' | 'strong' | 'faint' | 'good' | 'bad';

/** Adds no visible character. */
export type Paint = (style: Style, text: string) => string;

/** For pipes and files. */
export const plain: Paint = (_style, text) => text;
