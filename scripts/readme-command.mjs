// Prints the N-th fenced `sh` command of the README, so that CI runs what a newcomer reads.
import { readFileSync } from 'node:fs';

const number = Number(process.argv[2]);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1].trim());
const command = blocks[number - 1];
if (command === undefined) {
  console.error(`README.md has ${blocks.length} fenced sh blocks, no number ${process.argv[2]}`);
  process.exit(2);
}
console.log(command);
