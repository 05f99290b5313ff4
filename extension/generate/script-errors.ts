/** The errors that services report themselves, before or without an answer of the sidecar; also in docs/errors.md. */
export interface ScriptError {
  readonly title: string;
  readonly remedy: string;
}

export const SCRIPT_ERRORS = {
  SIDECAR_UNREACHABLE: {
    title: 'The sidecar does not answer at sidecarUrl.',
    remedy: 'Check that the sidecar runs and that the ThingWorx server reaches it at sidecarUrl.',
  },
  SIDECAR_TIMEOUT: {
    title: 'The sidecar did not answer in time.',
    remedy: 'Try again; if it happens again, look at the log of the sidecar.',
  },
  SIDECAR_ANSWER_INVALID: {
    title: 'What answers at sidecarUrl is no sidecar, or it refused the token without saying so.',
    remedy:
      'Check sidecarUrl and sidecarToken; a proxy between ThingWorx and the sidecar may have answered instead.',
  },
  SIDECAR_NOT_INTRODUCED: {
    title: 'No sidecar with an application key of this ThingWorx has introduced itself at sidecarUrl.',
    remedy:
      'Check that sidecarUrl is the address of the sidecar, and look at the log of the sidecar: its application key may be wrong or lack the ' +
      'rights of AzureIoT.Sidecar_UG. When ThingWorx reaches the sidecar at another address than the one it listens on, set SIDECAR_PUBLIC_URL.',
  },
  SIDECAR_SILENT: {
    title: 'The sidecar has not written its status to the hub Thing for more than 90 seconds.',
    remedy:
      'Look at the message: when the sidecar answers, its application key has expired or it cannot reach ThingWorx; else start the sidecar.',
  },
  COMMAND_REFUSED: {
    title: 'The device answered a command or a written property with a status outside 200 to 299.',
    remedy: 'Look at the status and the answer in the message: what they mean is up to the device.',
  },
  MODEL_MISMATCH: {
    title: 'The device sent a value of another type than its model says.',
    remedy: 'Correct the model or the device; InvokeMethod and twinReported show the value as it is.',
  },
} satisfies Record<string, ScriptError>;
