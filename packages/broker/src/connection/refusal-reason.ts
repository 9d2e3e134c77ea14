import { ReasonCode } from '@wrenmq/codec';
import type { RefusalReason } from '#base/counters.ts';

/** Under which reason a refusal or disconnection is counted. */
export function refusalReasonOf(reasonCode: number): RefusalReason {
  switch (reasonCode) {
    case ReasonCode.MalformedPacket:
      return 'malformed';
    case ReasonCode.UnsupportedProtocolVersion:
      return 'unsupported-version';
    case ReasonCode.ClientIdentifierNotValid:
      return 'client-id';
    case ReasonCode.BadUserNameOrPassword:
    case ReasonCode.BadAuthenticationMethod:
      return 'credentials';
    case ReasonCode.NotAuthorized:
    case ReasonCode.Banned:
      return 'not-authorized';
    case ReasonCode.ServerUnavailable:
    case ReasonCode.ServerBusy:
    case ReasonCode.ConnectionRateExceeded:
      return 'overloaded';
    case ReasonCode.QuotaExceeded:
    case ReasonCode.ReceiveMaximumExceeded:
    case ReasonCode.PacketTooLarge:
      return 'quota';
    case ReasonCode.KeepAliveTimeout:
      return 'keep-alive';
    case ReasonCode.SessionTakenOver:
      return 'taken-over';
    case ReasonCode.ServerShuttingDown:
    case ReasonCode.UseAnotherServer:
    case ReasonCode.ServerMoved:
      return 'shutdown';
    case ReasonCode.AdministrativeAction:
      return 'administrative';
    case ReasonCode.ImplementationSpecificError:
    case ReasonCode.UnspecifiedError:
      return 'internal';
    default:
      return 'protocol-error';
  }
}
