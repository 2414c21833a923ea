/** Client of doorbuster, a flash-sale order system. */

export { timestampDate } from "@bufbuild/protobuf/wkt";
export {
  type CallOptions,
  Doorbuster,
  type FetchedExport,
  HEAD,
  readSale,
  type Settings,
} from "./client.js";
export {
  DeadlineExceeded,
  DoorbusterError,
  InvalidRequest,
  LogChanged,
  NotAllowed,
  NotFound,
  Refused,
  RequestIdReused,
  ServerFault,
  Unavailable,
} from "./errors.js";
export { type FollowOptions, OrderFollower, type ToldOrder } from "./follow.js";
export { checkedNumber, type Input } from "./input.js";
export * as v1 from "./v1/index.js";
export * as webhooks from "./webhooks.js";
export type { Answer } from "./wire.js";
