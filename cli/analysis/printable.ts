/**
 * Controls, marks that turn the direction of writing around, and everything else that has no picture:
 * https://www.unicode.org/reports/tr44/#General_Category_Values
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** What a client, a policy's author or a pod wrote is shown, and never obeyed by the terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** JSON, in which no such character is left but the line breaks of its layout. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) =>
    character === '\n'
      ? character
      : Array.from(
          { length: character.length },
          (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
        ).join(''),
  );
}

/** Line by line. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
