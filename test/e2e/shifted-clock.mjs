/** Loaded before the sidecar: its clock is off by CLOCK_OFFSET_MS, as that of a machine without a time service. */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS);
const MachineDate = Date;

globalThis.Date = class ShiftedDate extends MachineDate {
  constructor(...parts) {
    if (parts.length === 0) super(MachineDate.now() + offsetMs);
    else super(...parts);
  }

  static now() {
    return MachineDate.now() + offsetMs;
  }
};
