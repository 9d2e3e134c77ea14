export { PacketType } from './packet-type.ts';
export type { AcknowledgementType, ProtocolVersion, QoS } from './packet-type.ts';
export { canCarryReasonCode } from './packet-reason.ts';
export { ReasonCode, connackReturnCode, reasonName } from './reason-code.ts';
export { PropertyId, PublishPropertyId } from './property-id.ts';
export { ProtocolError } from './protocol-error.ts';
export { decodeUtf8, encodeUtf8, isValidUtf8 } from './utf8.ts';
export {
  readVariableByteInteger,
  variableByteIntegerMax,
  variableByteIntegerSize,
  writeVariableByteInteger,
} from './variable-byte-integer.ts';
export type { Properties, UserProperties } from './properties.ts';
export type * from './packet.ts';
export { FrameDecoder } from './frame-decoder.ts';
export type { FrameSink, ReadConnectVersion } from './frame-decoder.ts';
export { PublishFrame, decodePublish, forwardableProperties } from './publish-frame.ts';
export type { ForwardableProperties } from './publish-frame.ts';
export { decodePublishProperties, encodePublishProperties } from './publish.ts';
export {
  acknowledgementBytes,
  dupBit,
  publishFirstByte,
  publishRemainingLength,
  publishSize,
  subscriptionIdentifierSize,
  topicAliasBytes,
  writeAcknowledgement,
  writeFixedHeader,
  writeSubscriptionIdentifier,
  writeTopicAlias,
  writeUint16,
  writeUint32,
} from './publish-writer.ts';
export { AcknowledgementFrame, decodeAcknowledgement, decodeAcknowledgementPacket } from './acknowledgement.ts';
export { decodeAuth, encodeAuth } from './auth.ts';
export { decodeConnack } from './connack.ts';
export { connectVersionOf, decodeConnect, encodeConnect } from './connect.ts';
export { decodeDisconnect, encodeDisconnect } from './disconnect.ts';
export { decodeSuback } from './suback.ts';
export { encodeSubscribe, subscriptionOptions } from './subscribe.ts';
export { decodeUnsuback } from './unsuback.ts';
export { encodeUnsubscribe } from './unsubscribe.ts';
export { decodePacket } from './decode-packet.ts';
export { encodePacket } from './encode-packet.ts';
export { checkFixedHeader } from './fixed-header.ts';
