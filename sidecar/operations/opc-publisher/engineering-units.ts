import { isPlainObject } from '../../translate/coerce/structure.ts';
import { nameOf } from './opc-members.ts';

/** What Composer shows for units of UNECE Recommendation 20, whose codes OPC UA uses. */
const SYMBOLS: Readonly<Record<string, string>> = {
  '2A': 'rad/s',
  '2M': 'cm/s',
  '2N': 'dB',
  '2Z': 'mV',
  '4K': 'mA',
  '59': 'ppm',
  A97: 'hPa',
  AMP: 'A',
  B47: 'kN',
  B98: 'µs',
  BAR: 'bar',
  C16: 'mm/s',
  C26: 'ms',
  C62: '1',
  C81: 'rad',
  CDL: 'cd',
  CEL: '°C',
  CMK: 'cm²',
  CMQ: 'cm³',
  CMT: 'cm',
  D46: 'V·A',
  DAY: 'd',
  DD: '°',
  E32: 'l/h',
  E93: 'kg/h',
  FAH: '°F',
  FAR: 'F',
  FOT: 'ft',
  G51: 'l/s',
  GRM: 'g',
  HTZ: 'Hz',
  HUR: 'h',
  INH: 'in',
  JOU: 'J',
  KEL: 'K',
  KGM: 'kg',
  KGS: 'kg/s',
  KHZ: 'kHz',
  KJO: 'kJ',
  KMH: 'km/h',
  KMQ: 'kg/m³',
  KMT: 'km',
  KPA: 'kPa',
  KVA: 'kV·A',
  KVR: 'kvar',
  KVT: 'kV',
  KWH: 'kWh',
  KWT: 'kW',
  L2: 'l/min',
  LTR: 'l',
  LUM: 'lm',
  LUX: 'lx',
  MAW: 'MW',
  MBR: 'mbar',
  MGM: 'mg',
  MHZ: 'MHz',
  MIN: 'min',
  MLT: 'ml',
  MMK: 'mm²',
  MMT: 'mm',
  MPA: 'MPa',
  MQH: 'm³/h',
  MQS: 'm³/s',
  MSK: 'm/s²',
  MTK: 'm²',
  MTQ: 'm³',
  MTR: 'm',
  MTS: 'm/s',
  MWH: 'MWh',
  NEW: 'N',
  NU: 'N·m',
  OHM: 'Ω',
  P1: '%',
  PAL: 'Pa',
  Q30: 'pH',
  RPM: 'r/min',
  RPS: 'r/s',
  SEC: 's',
  TNE: 't',
  VLT: 'V',
  WHR: 'Wh',
  WTT: 'W',
};

const UNECE = 'http://www.opcfoundation.org/UA/units/un/cefact';

/** The unit of an EUInformation: the text of the server, else the symbol of its UNECE code, else the code. Empty when it says none. */
export function unitOf(value: unknown): string {
  const { DisplayName, UnitId, NamespaceUri } = structureOf(value);
  const shown = nameOf(isPlainObject(DisplayName) ? DisplayName['Text'] : DisplayName).trim();
  if (shown !== '') return shown;
  const code = typeof UnitId === 'number' && NamespaceUri === UNECE ? unitCode(UnitId) : '';
  return SYMBOLS[code] ?? code;
}

/** The code whose characters are the bytes of the number, the first in the highest byte (OPC 10000-8, 5.6.3). */
function unitCode(unitId: number): string {
  const bytes = [16, 8, 0].map((shift) => (unitId >>> shift) & 0xff).filter((byte) => byte > 0);
  const code = String.fromCharCode(...bytes);
  return /^[A-Z0-9]{2,3}$/.test(code) ? code : '';
}

/** The bounds of a Range; undefined when it is none. */
export function rangeOf(value: unknown): { readonly minimum: number; readonly maximum: number } | undefined {
  const { Low, High } = structureOf(value);
  const isRange =
    typeof Low === 'number' &&
    typeof High === 'number' &&
    Number.isFinite(Low) &&
    Number.isFinite(High) &&
    Low < High;
  return isRange ? { minimum: Low, maximum: High } : undefined;
}

/** A structure comes as it is, or as the body of an ExtensionObject. */
function structureOf(value: unknown): Readonly<Record<string, unknown>> {
  const { Body: body } = isPlainObject(value) ? value : {};
  if (isPlainObject(body)) return body;
  return isPlainObject(value) ? value : {};
}
