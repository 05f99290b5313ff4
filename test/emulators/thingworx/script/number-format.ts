/**
 * Formats a number by the common parts of java.text.DecimalFormat: `0`, `#`, `,`, `.`, `%`, and text around them. Halves are
 * rounded to the even neighbour, as in Java.
 */
export function formatDecimal(value: number, pattern: string): string {
  const [positive = '', negative] = pattern.split(';');
  const chosen = value < 0 && negative !== undefined ? negative : positive;
  const match = /^([^0#,.]*)([0#,]*)(?:\.([0#]*))?(.*)$/s.exec(chosen);
  if (match === null || !Number.isFinite(value)) {
    return String(value);
  }
  const [, prefix = '', whole = '', fraction = '', suffix = ''] = match;
  const percent = chosen.includes('%') ? 100 : 1;
  const minimumFraction = fraction.replaceAll('#', '').length;
  const text = roundHalfEven(Math.abs(value) * percent, fraction.length);
  const [integer = '0', decimals = ''] = text.split('.');
  let end = decimals.length;
  while (end > minimumFraction && decimals[end - 1] === '0') {
    end--;
  }
  const minimumInteger = whole.replace(/[^0]/g, '').length;
  const digits = (integer === '0' && minimumInteger === 0 && end > 0 ? '' : integer).padStart(
    minimumInteger,
    '0',
  );
  const comma = whole.lastIndexOf(',');
  const group = comma < 0 ? 0 : whole.length - comma - 1;
  const grouped = group === 0 ? digits : digits.replace(new RegExp(`\\B(?=(\\d{${group}})+$)`, 'g'), ',');
  const sign = value < 0 && negative === undefined ? '-' : '';
  const number = end === 0 ? grouped : `${grouped}.${decimals.slice(0, end)}`;
  return `${sign}${prefix.replaceAll("'", '')}${number}${suffix.replaceAll("'", '')}`;
}

/** The exact decimal expansion of the double decides, not its shortest text. */
function roundHalfEven(value: number, digits: number): string {
  const scaled = value * 10 ** digits;
  const floor = Math.floor(scaled);
  const isTie = scaled - floor === 0.5 && Number.isSafeInteger(scaled * 2);
  const rounded = isTie && floor % 2 === 0 ? floor : Math.round(scaled);
  return rounded > Number.MAX_SAFE_INTEGER ? value.toFixed(digits) : (rounded / 10 ** digits).toFixed(digits);
}
