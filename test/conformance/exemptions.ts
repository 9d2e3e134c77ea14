/** Statements that bind a server and have no test, with the reason. */
export const exemptions: Readonly<Record<string, string>> = {
  'MQTT311-7.0.0-1': 'the broker opens no connections to other servers; a bridge is a client of its own',
  'MQTT311-7.0.0-2': 'shown by the tests as a whole: no client of test/interop knows any extension',
};
