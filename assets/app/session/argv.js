/**
 * Cuts a line into arguments as a shell would: blanks separate, quotes and backslashes keep together. Nothing is expanded:
 * there is no shell between the page and the program.
 * @param {string} line
 * @param {{windows?: boolean}} [on] where a backslash is part of a path: there it keeps only a double quote
 * @returns {{args: string[], problem?: string}}
 */
export function splitArgs(line, { windows = false } = {}) {
  const kept = windows ? '"' : '"\\$`';
  /** @type {string[]} */
  const args = [];
  let current = '';
  let started = false;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote === "'") {
      if (char === "'") quote = '';
      else current += char;
    } else if (char === '\\' && (quote === '' && !windows || line.charAt(at + 1) !== '' && kept.includes(line.charAt(at + 1)))) {
      at += 1;
      if (at >= line.length) return { args, problem: 'A backslash at the end keeps nothing.' };
      current += line.charAt(at);
      started = true;
    } else if (char === quote) {
      quote = '';
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      started = true;
    } else if (quote === '' && /\s/.test(char)) {
      if (started) args.push(current);
      current = '';
      started = false;
    } else {
      current += char;
      started = true;
    }
  }
  if (quote) return { args, problem: `A ${quote === '"' ? 'double' : 'single'} quote is not closed.` };
  if (started) args.push(current);
  return { args };
}

/** @param {readonly string[]} args @returns {string} a line that {@link splitArgs} cuts into `args` again */
export function joinArgs(args) {
  return args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)).join(' ');
}
