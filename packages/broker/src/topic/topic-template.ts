/** What a client is known by, where it can be part of a topic. */
export type TopicVariable = 'clientid' | 'username' | 'host' | 'port';

export type TopicValues = Readonly<Partial<Record<TopicVariable, string | null>>>;

/** What may stand in a template besides text. */
export interface TemplateSyntax {
  readonly variables: readonly TopicVariable[];
  /** `$1` to this one stand for captures; none by default, and then `$1` is text. */
  readonly captures?: number;
}

/** A value that cannot become part of a topic, as the end of a sentence that starts with the name of the variable. */
export interface UnfitValue {
  readonly variable: TopicVariable;
  readonly problem: string;
}

type Part = string | { readonly variable: TopicVariable } | { readonly capture: number };

/** A topic or filter with places for values: `devices/${clientid}/#`, or `z/y/$1`. */
export class TopicTemplate {
  readonly text: string;
  readonly #parts: readonly Part[];
  /** True when a value might begin with `$` where that means something: at the start, or behind a prefix such as `$share/`. */
  readonly #isSystem: boolean;

  private constructor(text: string, parts: readonly Part[]) {
    this.text = text;
    this.#parts = parts;
    this.#isSystem = text.startsWith('$');
  }

  /** A string says what is wrong, as the end of a sentence that starts with the template. */
  static parse(text: string, { variables, captures = 0 }: TemplateSyntax): TopicTemplate | string {
    const parts: Part[] = [];
    // `$1` without captures is the text that it is.
    const pattern = captures > 0 ? /\$\{([^}]*)\}|\$([0-9]+)/g : /\$\{([^}]*)\}/g;
    let from = 0;
    for (const match of text.matchAll(pattern)) {
      const part = match[1] === undefined ? captureOf(match[2], captures) : variableOf(match[1], variables);
      if (typeof part === 'string') return part;
      if (match.index > from) parts.push(text.slice(from, match.index));
      parts.push(part);
      from = match.index + match[0].length;
    }
    if (from < text.length) parts.push(text.slice(from));
    return new TopicTemplate(text, parts);
  }

  get hasVariables(): boolean {
    return this.#parts.some((part) => typeof part === 'object' && 'variable' in part);
  }

  /**
   * The topic with these values. A value is one level, or a part of one: what could reach beyond it is refused, and so is one
   * that is not there. Captures are parts of a topic and taken as they are; the first is `captures[1]`.
   */
  expand(values: TopicValues, captures: readonly string[] = []): string | UnfitValue {
    let topic = '';
    for (const part of this.#parts) {
      if (typeof part === 'string') topic += part;
      else if ('capture' in part) topic += captures[part.capture] ?? '';
      else {
        const value = values[part.variable] ?? '';
        const problem = this.#problemOf(value);
        if (problem !== null) return { variable: part.variable, problem };
        topic += value;
      }
    }
    return topic;
  }

  #problemOf(value: string): string | null {
    if (value === '') return 'is empty or missing';
    if (/[/+#\0]/.test(value)) return 'contains /, + or #';
    return this.#isSystem && value.startsWith('$') ? 'begins with $' : null;
  }
}

function variableOf(name: string, variables: readonly TopicVariable[]): Part | string {
  const variable = variables.find((known) => known === name);
  const names = variables.map((known) => `\${${known}}`).join(', ');
  return variable === undefined ? `has \${${name}}, which stands for nothing: there are ${names}` : { variable };
}

function captureOf(digits: string, captures: number): Part | string {
  const capture = Number(digits);
  if (capture >= 1 && capture <= captures) return { capture };
  return `has $${digits}, and the expression has ${captures === 1 ? 'one group' : `${captures} groups`}`;
}
