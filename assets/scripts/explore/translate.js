/* What the library says in English, in the reader's language. */

/** The sentence as one of these rows has it, or as it is. rows: [English with {names}, the same in another language]. What
 *  stands for a name may be such a sentence itself. */
export function translated(rows, sentence) {
  for (const [english, other] of rows) {
    const found = pattern(english).exec(sentence);
    if (found) return other.replace(/\{(\w+)\}/g, (_, name) => translated(rows, found.groups[name]));
  }
  return sentence;
}

function pattern(template) {
  const plain = template.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${plain.replace(/\\\{(\w+)\\\}/g, "(?<$1>.+?)")}$`, "s");
}
