/** The habits that make this project's English hard to read, each with what to write instead. */
export interface Habit {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** In a pattern, a space stands for any white space, a line break in a comment included. */
const habit = (words: string, instead: string): Habit => ({
  pattern: new RegExp(words.replaceAll(' ', String.raw`\s+(?:(?:\*|\/\/|#)\s+)?`), 'gi'),
  instead,
});

const be = '(?:is|are|was|were)';

export const habits: readonly Habit[] = [
  habit(
    String.raw`\b${be} to (?!(?:the|a|an|its|their|this|that|each|one|all|us|you|it|which|whom)\b)[a-z]+`,
    'must, should, will',
  ),
  habit(String.raw`\b(?:has|have|had|having) to\b(?! do\b)`, 'must, need to, needs'),
  habit(String.raw`\b(?:has|have) to do with\b`, 'relates to, is about'),
  habit(String.raw`(?<!\bthere )\b${be} no\b(?! longer| more)`, 'is not a'),
  habit(String.raw`\b${be} none\b(?! of)`, 'is not one, there is no …'),
  habit(String.raw`\bof (?:its|their|our|your|his|her|my) own\b`, 'its own …, your own …'),
  habit(
    // As a heading, such as "What is tested", it is fine.
    String.raw`(?<![#|[*] ?)\bwhat (?:is|was|are|were|has|have|it|a|an|the|they|each|every|nobody|others|comes|came|stands|belongs|goes|takes|makes|cannot)\b(?![^.!\n]*\?)`,
    'a noun: "tests that …", "the value that …"',
  ),
  habit(String.raw`\bmend(?:s|ed|ing)?\b`, 'fix'),
  habit(String.raw`\b(?:come|comes|came) by\b`, 'get'),
  habit(String.raw`\b(?:tell|tells|told|telling) of\b`, 'report, describe, say'),
  habit(String.raw`\b(?:warn|warns|warned) of\b`, 'warn about'),
  habit(String.raw`\b(?:let|lets|letting) (?:\w+ )?through\b`, 'allow, forward'),
  habit(String.raw`\bkept to\b`, 'honoured'),
  habit(
    String.raw`\b(?:take|takes|taken|took) (?:\w+ )?for (?:a|an|the|one|that)\b|\btaken for\b`,
    'treat as',
  ),
  habit(String.raw`\bput out\b`, 'evict, remove'),
  habit(String.raw`\bsee(?:s|n)? to (?:it|that)\b`, 'makes sure'),
  habit(String.raw`\b(?:go|goes|went|going) on\b`, 'continue'),
  habit(String.raw`\bways? in\b(?! which)`, 'install method'),
  habit(
    String.raw`\b(?:without|has|have|needs?) (?:any |a |no |the )?rights?\b`,
    'permission, capability',
  ),
  habit(
    String.raw`, for (?:it|they|that|there|nobody|this|these|he|you) (?:is|are|was|were|has|have|can|cannot|could|would|may|must|do|does)\b`,
    'because',
  ),
  habit(String.raw`\bhence\b`, 'so, therefore'),
  habit(String.raw`\blest\b`, 'so that … not'),
  habit(String.raw`\bseldom\b`, 'rarely'),
  habit(String.raw`\bin peace\b`, 'undisturbed, to its end'),
  habit(String.raw`\bas ever\b`, 'as usual, unchanged'),
  habit(String.raw`\bfor good\b`, 'permanently'),
  habit(String.raw`\bholds? good\b`, 'is valid, applies'),
  habit(String.raw`\bcomes? to nothing\b`, 'fails'),
  habit(String.raw`\b(?:asked|spoken|thought) of\b`, 'requested from, queried'),
  habit(String.raw`\bbefore(?:hand)? (?:it|they) (?:is|are) to\b`, 'before'),
];

/** Phrases that stand here on purpose, by file: texts of others, and the names of the habits themselves. */
export const allowed: readonly { readonly file: RegExp; readonly text: RegExp }[] = [
  { file: /^test\/contract\/prose\//, text: /./ },
  // What the real services and upstream's proxy say, to the letter.
  { file: /aadsts-catalogue\.ts$/, text: /./ },
];

export interface Finding {
  readonly line: number;
  readonly text: string;
  readonly instead: string;
}

/** @param file path from the root of the project */
export function findHabits(file: string, text: string): readonly Finding[] {
  const prose = file.endsWith('.md') ? withoutCode(text) : text;
  return habits
    .flatMap(({ pattern, instead }) =>
      [...prose.matchAll(pattern)].map((match) => ({
        line: prose.slice(0, match.index).split('\n').length,
        text: match[0].replaceAll(/\s+(?:(?:\*|\/\/|#)\s+)?/g, ' '),
        instead,
      })),
    )
    .filter((finding) => !allowed.some((one) => one.file.test(file) && one.text.test(finding.text)))
    .toSorted((one, other) => one.line - other.line);
}

/** A document with its blocks and its code between backticks blanked out. */
function withoutCode(text: string): string {
  const blank = (code: string): string => code.replaceAll(/[^\n]/g, ' ');
  return text.replaceAll(/^ *```[^\n]*\n[\s\S]*?^ *```$/gm, blank).replaceAll(/`[^`\n]*`/g, blank);
}
