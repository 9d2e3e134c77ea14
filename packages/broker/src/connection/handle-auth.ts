import { type AuthPacket, PacketType, ProtocolError, ReasonCode } from '@wrenmq/codec';
import type { Authentication } from './authentication.ts';
import type { Connection } from './connection.ts';
import { ConnectionState } from './connection-state.ts';

/** AUTH: goes on with the exchange of CONNECT, or begins one again on a connection in use (4.12.1). */
export function handleAuth(connection: Connection, { reasonCode, properties }: AuthPacket): void {
  const { authentication } = connection;
  if (authentication === null) {
    throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-4.12.0-6', 'AUTH came, but CONNECT named no Authentication Method'); // [MQTT-4.12.0-6]
  }
  if (properties?.authenticationMethod !== authentication.method) {
    throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-4.12.0-5', 'the Authentication Method is not the one of CONNECT'); // [MQTT-4.12.0-5]
  }
  if (reasonCode === ReasonCode.ReAuthenticate) startAgain(connection, authentication);
  else if (reasonCode !== ReasonCode.ContinueAuthentication || authentication.conversation === null) {
    throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.15.2-1', 'AUTH came out of turn');
  }
  connection.hold();
  proceed(connection, authentication, properties?.authenticationData ?? null).then(
    () => connection.unhold(),
    (error: unknown) => connection.fail(error),
  );
}

/** Gives the method the client's data, and does what it says. */
export async function proceed(connection: Connection, authentication: Authentication, data: Uint8Array | null): Promise<void> {
  const step = await authentication.conversation!.proceed(data);
  if (connection.state === ConnectionState.Closed) return;
  if (step.kind === 'fail') {
    connection.disconnect(step.reasonCode, step.reason); // [MQTT-4.12.0-4] [MQTT-4.12.1-2]
  } else if (step.kind === 'continue') {
    const properties = { authenticationMethod: authentication.method, authenticationData: step.data };
    connection.sendPacket({ type: PacketType.AUTH, reasonCode: ReasonCode.ContinueAuthentication, properties }); // [MQTT-4.12.0-2]
  } else {
    authentication.conversation = null;
    await authentication.onSuccess(step.principal, step.data);
  }
}

function startAgain(connection: Connection, authentication: Authentication): void {
  const { client } = connection;
  if (client === null || authentication.conversation !== null) {
    throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-4.12.1-1', 'an authentication is going on already');
  }
  const { method, identity } = authentication;
  authentication.conversation = connection.house.port.enhanced.startAgain(method, identity, { method, principal: client.principal });
  authentication.onSuccess = (principal, data) => {
    client.principal = principal;
    const properties = { authenticationMethod: method, ...(data === null ? {} : { authenticationData: data }) };
    connection.sendPacket({ type: PacketType.AUTH, reasonCode: ReasonCode.Success, properties });
  };
}
