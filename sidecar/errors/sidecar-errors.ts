import { defineErrors } from './definition.ts';

/** What goes wrong in the sidecar itself and between it and who calls it. */
export const SIDECAR_ERRORS = defineErrors({
  SETTING_MISSING: {
    status: 409,
    retryable: false,
    title: 'A required setting is missing.',
    remedy:
      'Set the property of the Thing that the message names and call its Connect service. If the sidecar does not start: set the ' +
      'named environment variable or configuration key and start it again.',
  },
  SETTING_INVALID: {
    status: 500,
    retryable: false,
    title: 'A setting has a value that cannot be used.',
    remedy: 'Correct the named setting; the message says what is expected.',
  },
  STATE_UNWRITABLE: {
    status: 500,
    retryable: true,
    title: 'The state directory cannot be written.',
    remedy:
      'Free space on the disk (ENOSPC, EDQUOT, EFBIG), or give the user of the sidecar the right to write (EACCES, EPERM, EROFS). The sidecar continues by itself.',
  },
  STATE_FORMAT_NEWER: {
    status: 500,
    retryable: false,
    title: 'A newer version of the sidecar wrote this state.',
    remedy:
      'Run the version that the message names, or a later one. To stay with the older version, restore the state from before the upgrade; docs/upgrade.md says how.',
  },
  CLOCK_OFF: {
    status: 502,
    retryable: false,
    title: 'The clock of the machine of the sidecar and that of a host that it calls differ.',
    remedy:
      'Synchronise the clock of the machine of the sidecar, for example with NTP. If only one host differs, correct the clock of that host.',
  },
  CERTIFICATE_UNTRUSTED: {
    status: 502,
    retryable: true,
    title: 'The TLS certificate of a host is not trusted.',
    remedy:
      'If a proxy or firewall opens TLS connections, or the host has a certificate of your own authority: name the file of the authority in NODE_EXTRA_CA_CERTS and restart the sidecar. Otherwise renew the certificate of the host.',
  },
  PROXY_REFUSED: {
    status: 502,
    retryable: true,
    title: 'The proxy refused the connection.',
    remedy:
      'Allow the host named in the message in the proxy, correct the login in HTTPS_PROXY, or name the host in NO_PROXY; then restart the sidecar.',
  },
  SIDECAR_OTHER: {
    status: 421,
    retryable: true,
    title: 'The request is for another sidecar behind the same load balancer.',
    remedy:
      'None at first: ThingWorx tries again until the load balancer chooses that sidecar. If it lasts, let the load balancer distribute connections among all sidecars, without affinity.',
  },
  PORT_TAKEN: {
    status: 500,
    retryable: false,
    title: 'The address the sidecar should listen on is in use.',
    remedy: 'Stop the other program or set SIDECAR_PORT to a free port.',
  },
  REQUEST_INVALID: {
    status: 400,
    retryable: false,
    title: 'The request does not have the expected form.',
    remedy: 'Correct the named fields; docs/services.md lists what each service takes.',
  },
  REQUEST_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The request body is larger than allowed.',
    remedy: 'Send less at once.',
  },
  UNAUTHORIZED: {
    status: 401,
    retryable: false,
    title: 'The sidecar token is missing or wrong.',
    remedy: "Set the Thing's sidecarToken to the token the sidecar was started with.",
  },
  READ_ONLY: {
    status: 403,
    retryable: false,
    title: 'The viewer token allows only reading.',
    remedy: 'Log in or call with the sidecar token for everything that changes something.',
  },
  FORGERY_REFUSED: {
    status: 403,
    retryable: false,
    title: 'A request with the session of a browser does not come from the console.',
    remedy: 'Use the console, or call the API with the sidecar token instead of the cookie.',
  },
  TLS_REQUIRED: {
    status: 403,
    retryable: false,
    title: 'The console is used without TLS from another machine.',
    remedy:
      'Set SIDECAR_TLS_CERT_FILE and SIDECAR_TLS_KEY_FILE, or open the console on the machine of the sidecar, such as through an SSH tunnel.',
  },
  HOST_REFUSED: {
    status: 421,
    retryable: false,
    title: 'The Host header does not name this sidecar.',
    remedy:
      'Call the sidecar by the address on which it listens, or add the host name to SIDECAR_HOST_NAMES.',
  },
  RATE_LIMITED: {
    status: 429,
    retryable: true,
    title: 'Too many requests in a short time.',
    remedy: 'Wait and try again; the answer says for how long.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'The sidecar has no such route.',
    remedy: 'Check that extension and sidecar have the same version.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    title: 'The route does not take this HTTP method.',
    remedy: 'Use one of the methods in the Allow header; docs/openapi.json lists every route.',
  },
  INTERNAL: {
    status: 500,
    retryable: false,
    title: 'The sidecar met an error it did not expect.',
    remedy: "Look for the request id in the sidecar's log and report it.",
  },
  STOPPING: {
    status: 503,
    retryable: true,
    title: 'The sidecar is stopping.',
    remedy: 'Try again when it runs.',
  },
  HUB_NOT_CONNECTED: {
    status: 409,
    retryable: false,
    title: 'The hub Thing is not connected.',
    remedy: 'Call Connect on the hub Thing and look at its lastError.',
  },
  TICKET_UNKNOWN: {
    status: 404,
    retryable: false,
    title: 'The one-time secret token is unknown, used or too old.',
    remedy: 'Call Connect again.',
  },
  SECRET_UNREADABLE: {
    status: 400,
    retryable: false,
    title: 'A secret setting could not be read.',
    remedy:
      'Enter the secret again, or a reference such as env:NAME or file:/path that the sidecar can resolve.',
  },
  PASSWORD_NOT_PASSED: {
    status: 400,
    retryable: false,
    title: 'This ThingWorx does not hand on the PASSWORD property to the sidecar in clear.',
    remedy:
      'Put the secret into an environment variable or a file of the sidecar, and name it in secretReferences of the Thing as env:NAME or file:/path.',
  },
});
