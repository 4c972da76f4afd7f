import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import { commandLine } from './main.ts';

const reference = await readFile('docs/reference/cli.md', 'utf8');
const SHARED = ['Which mesh'];

describe('docs/reference/cli.md', () => {
  const commands = leavesOf(commandLine());

  it('has a section for each command and for no other', () => {
    const titles = [...reference.matchAll(/^## `(.*)`$/gm)].map(([, title]) => title);
    assert.deepEqual(titles.sort(), commands.map(titleOf).sort());
  });

  for (const command of commands) {
    const title = titleOf(command);
    const flags = command.options.filter(({ hidden }) => !hidden).map((option) => option.flags);

    it(`names every flag of ${title}, and no other`, () => {
      const own = flagsIn(section(`\`${title}\``));
      const shared = SHARED.flatMap((name) => flagsIn(section(name)));
      for (const each of flags) assert.ok([...own, ...shared].includes(each), `${each} is missing`);
      for (const each of own) assert.ok(flags.includes(each), `there is no ${each}`);
    });

    it(`has the exit codes of ${title} in the words of --help`, () => {
      const [codes] = /(?<=\n)Exit codes: .*?(?=\n\n|$)/s.exec(helpOf(command).trimEnd()) ?? [];
      if (codes !== undefined) assert.ok(section(`\`${title}\``).includes(codes), codes);
    });
  }

  it('names no shared flag that no command has', () => {
    const all = commands.flatMap(({ options }) => options.map(({ flags }) => flags));
    for (const each of SHARED.flatMap((name) => flagsIn(section(name)))) {
      assert.ok(all.includes(each), `there is no ${each}`);
    }
  });
});

/** Commands that do something, without those that are hidden. */
function leavesOf(command: Command): Command[] {
  const visible = command.createHelp().visibleCommands(command);
  const children = visible.filter((each) => each.name() !== 'help');
  return children.length === 0 ? [command] : children.flatMap(leavesOf);
}

/** `weft wait policy <name>` */
function titleOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return [...names, ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(' ');
}

function section(title: string): string {
  const [, ...sections] = reference.split(/^## /m);
  return sections.find((each) => each.startsWith(`${title}\n`)) ?? '';
}

/** The first column of its table. */
function flagsIn(text: string): string[] {
  return [...text.matchAll(/^\| `(-[^`]*)` \|/gm)].map(([, flags]) => flags!);
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}
