import { type ToolSet, tool } from 'ai';
import { z } from 'zod';
import { applyDiff } from './files/apply-diff.js';
import { listFiles, readLines, searchFiles } from './files/read-files.js';
import { writeText } from './files/write-file.js';
import type { WayOfWork } from './instructions.js';

const pathSchema = z.string().describe('a path relative to the current folder, such as "src/a.ts"');
const folderSchema = z.string().default('.').describe('the folder to look in; without it all');

/** Tools that look at the checkout. A path that leads out of it is an error that the model is shown. */
const lookingTools = (root: string) => ({
  list_files: tool({
    description: 'Lists the files below a folder.',
    inputSchema: z.object({ path: folderSchema }),
    execute: ({ path }) => listFiles(root, path),
  }),
  read_file: tool({
    description: 'Reads a text file, or some lines of it.',
    inputSchema: z.object({
      path: pathSchema,
      first_line: z.int().positive().default(1).describe('the first line to read, from 1'),
      lines: z.int().positive().optional().describe('how many lines; without it as many as fit'),
    }),
    execute: ({ path, first_line, lines }) => readLines(root, path, first_line, lines),
  }),
  search_files: tool({
    description: 'Finds the lines of text files that have a text.',
    inputSchema: z.object({
      text: z.string().min(1).describe('what the lines have'),
      path: folderSchema,
      regex: z.boolean().default(false).describe('whether the text is a regular expression (RE2)'),
    }),
    execute: ({ text, path, regex }) => searchFiles(root, text, { path, regex }),
  }),
});

/** The same, and tools that change it. */
const editingTools = (root: string) => ({
  ...lookingTools(root),
  write_file: tool({
    description: 'Writes a whole file: makes it, with its folders, or replaces what it holds.',
    inputSchema: z.object({ path: pathSchema, content: z.string().describe('all that the file is to hold') }),
    execute: ({ path, content }) => `written, ${writeText(root, path, content)} bytes`,
  }),
  apply_diff: tool({
    description:
      'Applies a unified diff (--- a/path, +++ b/path, @@ hunks with lines of context) to one or more files, all of it or nothing. /dev/null as one side makes or removes a file.',
    inputSchema: z.object({ diff: z.string() }),
    execute: ({ diff }) => `changed: ${applyDiff(root, diff).join(', ')}`,
  }),
});

/** The tools of a way of work; null for one without any. */
export function toolsFor(way: WayOfWork, root: string): ToolSet | null {
  switch (way) {
    case 'look':
      return lookingTools(root);
    case 'edit_by_tools':
      return editingTools(root);
    default:
      return null;
  }
}

export const toolNames = (way: WayOfWork): readonly string[] => Object.keys(toolsFor(way, '') ?? {});
