import {
  Composer,
  type CST,
  type Document,
  Lexer,
  LineCounter,
  Parser,
  type ScalarTag,
  Schema,
  type YAMLError,
} from 'yaml';
import { octalPattern, parseOctal } from './octal.ts';

const octalTag: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: octalPattern,
  resolve: parseOctal,
};

/** Made once: the library would make one for each document. */
const schema = new Schema({
  // Kubernetes reads YAML 1.1, where `<<` merges.
  merge: true,
  resolveKnownTags: true,
  customTags: (tags) => [octalTag, ...tags],
});

/** A document with the position of every node, or the first thing that is wrong with it. */
export interface YamlSource {
  readonly document: Document.Parsed;
  readonly error: YAMLError | undefined;
  readonly lines: LineCounter;
}

/** Reads one document as Kubernetes' own parser does where that is laxer than the library. */
export function parseYaml(text: string): YamlSource {
  const strict = compose(text, new Lexer());
  const isIndentation =
    strict.error?.code === 'MISSING_CHAR' || strict.error?.code === 'BAD_INDENT';
  if (!isIndentation) return strict;
  const lax = compose(text, createLaxLexer());
  return lax.error === undefined ? lax : strict;
}

function compose(text: string, lexer: Lexer): YamlSource {
  const lines = new LineCounter();
  const composer = new Composer({ keepSourceTokens: true, schema, logLevel: 'silent' });
  const [document] = composer.compose(tokens(text, lexer, lines), true, text.length);
  // With `forceDoc` there is always one.
  if (document === undefined) throw new TypeError('the composer made no document');
  return { document, error: document.errors[0], lines };
}

function* tokens(text: string, lexer: Lexer, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of lexer.lex(text)) yield* parser.next(lexeme);
  yield* parser.end();
}

/** What of the library's lexer is not public; a test fails if a new version changes it. */
interface LexerInside {
  indentNext: number;
  parseQuotedScalar(): Generator<string, unknown>;
  parseFlowCollection(): Generator<string, unknown>;
}

/**
 * The YAML specification wants the further lines of a quoted text or of a flow collection to be indented more
 * than what holds them. libyaml, and so Kubernetes, does not mind, and people write
 * `args: ["⏎  set -e⏎"]` that way.
 */
function createLaxLexer(): Lexer {
  const lexer = new Lexer();
  const inside = lexer as unknown as LexerInside;
  for (const method of ['parseQuotedScalar', 'parseFlowCollection'] as const) {
    const original = inside[method];
    inside[method] = function* () {
      const kept = inside.indentNext;
      inside.indentNext = 0;
      try {
        return yield* original.call(lexer);
      } finally {
        inside.indentNext = kept;
      }
    };
  }
  return lexer;
}
