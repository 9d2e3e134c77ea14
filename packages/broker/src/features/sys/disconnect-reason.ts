import { ReasonCode, reasonName } from '@wrenmq/codec';
import type { DisconnectDetails } from '#hooks/feature.ts';

/** What EMQX calls them otherwise than the standard does. */
const names: Readonly<Record<number, string>> = {
  [ReasonCode.NormalDisconnection]: 'normal',
  [ReasonCode.KeepAliveTimeout]: 'keepalive_timeout',
  [ReasonCode.SessionTakenOver]: 'takenover',
  [ReasonCode.AdministrativeAction]: 'kicked',
  [ReasonCode.QoSNotSupported]: 'qos_not_supported',
  [ReasonCode.BadUserNameOrPassword]: 'bad_username_or_password',
  [ReasonCode.PacketIdentifierInUse]: 'packet_identifier_inuse',
};

/** Why a connection ended, in the words of EMQX. */
export function disconnectReason(listener: string, reasonCode: number, { by, isDiscarded }: DisconnectDetails): string {
  if (isDiscarded) return 'discarded';
  if (by === 'network') return /^(?:tls|wss)\./.test(listener) ? 'ssl_closed' : 'tcp_closed';
  return (
    names[reasonCode] ??
    reasonName(reasonCode)
      .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_')
      .toLowerCase()
  );
}
