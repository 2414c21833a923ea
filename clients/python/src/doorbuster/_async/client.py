"""The calls of a shop. Each takes the fields of its request and returns its response."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from doorbuster import _wire, v1
from doorbuster._async.caller import AsyncCaller
from doorbuster._async.follow import AsyncOrderFollower
from doorbuster._wire import FetchedExport
from doorbuster.errors import ServerFault

M = TypeVar("M", bound=Message)


class AsyncDoorbuster(AsyncCaller):
    """A doorbuster server, as a shop's backend uses it.

    Times are `datetime` with a time zone, durations `timedelta`, money whole minor units. Wherever
    an `item_id` is taken, "SALE_ID/SKU" names the item, too. `request_id` is made where absent;
    give one of your own to repeat a call from another process. Acts of operators take `operator`,
    which is that of the client or of its token where absent, and a `reason` that stands in the log.
    `timeout` is the number of seconds for the call with all of its attempts.
    """

    async def _ask(self, named: Mapping[str, Any], kind: type[Message], answer: type[M]) -> M:
        """The call of the RPC that takes `kind`; the caller's parameters are its fields."""
        fields = {name: value for name, value in named.items() if name not in {"self", "timeout"}}
        rpc = _wire.BY_INPUT[kind]
        request = _wire.filled(kind, fields)
        return await self.call(rpc.name, request, answer, timeout=named["timeout"])

    async def create_sale(
        self,
        sale: v1.SaleDraft | Mapping[str, Any],
        *,
        operator: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.CreateSaleResponse:
        """Creates a sale with all its items, which open at their `open_time`.

        `sale` is a message, or ProtoJSON as a mapping; `read_sale` reads it from a file. `notices`
        of the answer point to possible mistakes.
        """
        named = {**locals(), "sale": _wire.draft_of(sale)}
        return await self._ask(named, v1.CreateSaleRequest, v1.CreateSaleResponse)

    async def get_sale(self, sale_id: str, *, timeout: float | None = None) -> v1.GetSaleResponse:
        """The sale as it is now, with its items and their ids."""
        return await self._ask(locals(), v1.GetSaleRequest, v1.GetSaleResponse)

    async def list_sales(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        min_position: int | None = None,
        timeout: float | None = None,
    ) -> v1.ListSalesResponse:
        """The sales, newest first, 50 on a page unless `page_size` says 1 to 1,000."""
        return await self._ask(locals(), v1.ListSalesRequest, v1.ListSalesResponse)

    async def reschedule_sale(
        self,
        sale_id: str,
        *,
        reason: str,
        open_time: datetime.datetime | None = None,
        close_time: datetime.datetime | None = None,
        operator: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.RescheduleSaleResponse:
        """Gives the sale another opening, another closing, or both, and moves its items with it.

        Without a new closing the sale stays as long as it is. An opening that has passed does not
        move; a sale that is over is refused (CLOSED).
        """
        return await self._ask(locals(), v1.RescheduleSaleRequest, v1.RescheduleSaleResponse)

    async def pause_sale(
        self,
        sale_id: str,
        *,
        reason: str,
        operator: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.PauseSaleResponse:
        """Refuses new orders of all items until the sale is resumed; held orders can be paid."""
        return await self._ask(locals(), v1.PauseSaleRequest, v1.PauseSaleResponse)

    async def resume_sale(
        self,
        sale_id: str,
        *,
        reason: str,
        operator: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.ResumeSaleResponse:
        """Takes new orders again, except for items that were paused themselves."""
        return await self._ask(locals(), v1.ResumeSaleRequest, v1.ResumeSaleResponse)

    async def cancel_sale(
        self,
        sale_id: str,
        *,
        reason: str,
        operator: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.CancelSaleResponse:
        """Closes every item of a sale that has not opened yet."""
        return await self._ask(locals(), v1.CancelSaleRequest, v1.CancelSaleResponse)

    async def close_sale(
        self,
        sale_id: str,
        *,
        reason: str,
        operator: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.CloseSaleResponse:
        """Closes every item for good; held orders can still be paid."""
        return await self._ask(locals(), v1.CloseSaleRequest, v1.CloseSaleResponse)

    async def get_item(self, item_id: str, *, timeout: float | None = None) -> v1.GetItemResponse:
        """The item with its units, phase and prices, never behind the log."""
        return await self._ask(locals(), v1.GetItemRequest, v1.GetItemResponse)

    async def quote_price(
        self,
        item_id: str,
        *,
        units: int = 1,
        region: str | None = None,
        shopper: v1.Shopper | None = None,
        timeout: float | None = None,
    ) -> v1.QuotePriceResponse:
        """What an order would cost now; its `refusal` tells what is in the way, and is no error."""
        return await self._ask(locals(), v1.QuotePriceRequest, v1.QuotePriceResponse)

    async def place_order(
        self,
        item_id: str,
        *,
        buyer: str,
        units: int = 1,
        channel: str | None = None,
        max_total_minor: int | None = None,
        region: str | None = None,
        shopper: v1.Shopper | None = None,
        coupon: v1.CouponChoice | None = None,
        if_denied: v1.IfCouponDenied | None = None,
        shop_order_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.PlaceOrderResponse:
        """Holds units for a buyer until `order.pay_by_time`.

        An order that still waits for its coupon or for the limit over its sale has
        `order.awaiting`; `get_outcome` tells how it ended. One that would cost more than
        `max_total_minor` is refused.
        """
        named = {**locals(), "labels": _wire.labels_of(labels)}
        return await self._ask(named, v1.PlaceOrderRequest, v1.PlaceOrderResponse)

    async def get_outcome(
        self,
        item_id: str,
        *,
        request_id: str,
        buyer: str,
        timeout: float | None = None,
    ) -> v1.GetOutcomeResponse:
        """What became of the order with this request id; `NotFound` if there is none."""
        return await self._ask(locals(), v1.GetOutcomeRequest, v1.GetOutcomeResponse)

    async def get_order(
        self,
        item_id: str,
        *,
        order_id: str,
        buyer: str,
        timeout: float | None = None,
    ) -> v1.GetOrderResponse:
        """An order of this buyer, never behind the log."""
        return await self._ask(locals(), v1.GetOrderRequest, v1.GetOrderResponse)

    async def record_payment(
        self,
        item_id: str,
        *,
        order_id: str,
        payment_reference: str,
        amount: v1.Money,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.RecordPaymentResponse:
        """Records what the payment provider has confirmed; `amount` is the order's total.

        Repeated with the same `payment_reference` it gets its first answer, so a callback can be
        passed on as often as it arrives. A payment that buys nothing is refused (ORDER_EXPIRED,
        ORDER_CANCELLED, ALREADY_PAID) and is due back: `list_refunds_due`.
        """
        return await self._ask(locals(), v1.RecordPaymentRequest, v1.RecordPaymentResponse)

    async def record_payment_failure(
        self,
        item_id: str,
        *,
        order_id: str,
        payment_reference: str,
        code: str,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.RecordPaymentFailureResponse:
        """Records a failed payment; the hold stays until its deadline."""
        return await self._ask(
            locals(), v1.RecordPaymentFailureRequest, v1.RecordPaymentFailureResponse
        )

    async def cancel_order(
        self,
        item_id: str,
        *,
        order_id: str,
        buyer: str,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.CancelOrderResponse:
        """Cancels a held order of this buyer; its units are available again at once."""
        return await self._ask(locals(), v1.CancelOrderRequest, v1.CancelOrderResponse)

    async def cancel_hold(
        self,
        order_id: str,
        *,
        reason: str,
        operator: str | None = None,
        item_id: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.CancelHoldResponse:
        """Cancels a held order as an operator."""
        return await self._ask(locals(), v1.CancelHoldRequest, v1.CancelHoldResponse)

    async def extend_hold(
        self,
        order_id: str,
        *,
        pay_by_time: datetime.datetime,
        reason: str,
        operator: str | None = None,
        item_id: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.ExtendHoldResponse:
        """Lets a hold end later, at most 30 days from now."""
        return await self._ask(locals(), v1.ExtendHoldRequest, v1.ExtendHoldResponse)

    async def refund_order(
        self,
        order_id: str,
        *,
        units: int,
        restock: bool,
        reason: str,
        operator: str | None = None,
        item_id: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.RefundOrderResponse:
        """Takes units of a paid order back, to be sold again (`restock`) or written off.

        The money for them is the last of `order.dues`, and due until `settle_refund`.
        """
        return await self._ask(locals(), v1.RefundOrderRequest, v1.RefundOrderResponse)

    async def settle_refund(
        self,
        due_id: str,
        *,
        reference: str,
        reason: str,
        operator: str | None = None,
        item_id: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.SettleRefundResponse:
        """Records that money which was due is transferred, with the reference of the transfer."""
        return await self._ask(locals(), v1.SettleRefundRequest, v1.SettleRefundResponse)

    async def find_order(
        self,
        *,
        order_id: str | None = None,
        shop_order_id: str | None = None,
        label: tuple[str, str] | None = None,
        sale_id: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        min_position: int | None = None,
        timeout: float | None = None,
    ) -> v1.FindOrderResponse:
        """Orders by exactly one of their id, the shop's id and a label (name and value)."""
        named = {**locals(), "label": _wire.label_of(label)}
        return await self._ask(named, v1.FindOrderRequest, v1.FindOrderResponse)

    async def list_orders(
        self,
        *,
        sale_id: str | None = None,
        item_id: str | None = None,
        buyer: str | None = None,
        state: v1.OrderState | None = None,
        placed_from: datetime.datetime | None = None,
        placed_until: datetime.datetime | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        min_position: int | None = None,
        as_of: v1.AsOf | None = None,
        timeout: float | None = None,
    ) -> v1.ListOrdersResponse:
        """Orders, oldest first, 100 on a page unless `page_size` says 1 to 1,000."""
        return await self._ask(locals(), v1.ListOrdersRequest, v1.ListOrdersResponse)

    async def get_stock_levels(
        self,
        *,
        sale_id: str | None = None,
        item_id: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        min_position: int | None = None,
        as_of: v1.AsOf | None = None,
        timeout: float | None = None,
    ) -> v1.GetStockLevelsResponse:
        """Units by item and warehouse, of the read models; `get_item` is never behind."""
        return await self._ask(locals(), v1.GetStockLevelsRequest, v1.GetStockLevelsResponse)

    async def get_sales_summary(
        self,
        sale_id: str,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        min_position: int | None = None,
        as_of: v1.AsOf | None = None,
        timeout: float | None = None,
    ) -> v1.GetSalesSummaryResponse:
        """Orders, units and revenue, by item and in total."""
        return await self._ask(locals(), v1.GetSalesSummaryRequest, v1.GetSalesSummaryResponse)

    async def list_refunds_due(
        self,
        *,
        sale_id: str | None = None,
        item_id: str | None = None,
        buyer: str | None = None,
        order_id: str | None = None,
        state: v1.RefundState | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        min_position: int | None = None,
        as_of: v1.AsOf | None = None,
        timeout: float | None = None,
    ) -> v1.ListRefundsDueResponse:
        """Money that is due back, oldest first; open dues unless `state` says otherwise."""
        return await self._ask(locals(), v1.ListRefundsDueRequest, v1.ListRefundsDueResponse)

    async def get_refund_report(
        self,
        *,
        sale_id: str | None = None,
        item_id: str | None = None,
        min_position: int | None = None,
        as_of: v1.AsOf | None = None,
        timeout: float | None = None,
    ) -> v1.GetRefundReportResponse:
        """Sums of money that is due back, by cause and age."""
        return await self._ask(locals(), v1.GetRefundReportRequest, v1.GetRefundReportResponse)

    async def claim_coupon(
        self,
        batch_id: str,
        *,
        buyer: str,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.ClaimCouponResponse:
        """Gives a buyer a coupon of an open batch."""
        return await self._ask(locals(), v1.ClaimCouponRequest, v1.ClaimCouponResponse)

    async def list_coupons(
        self,
        sale_id: str,
        *,
        buyer: str,
        timeout: float | None = None,
    ) -> v1.ListCouponsResponse:
        """The coupons that a buyer has of a sale, newest first."""
        return await self._ask(locals(), v1.ListCouponsRequest, v1.ListCouponsResponse)

    async def get_batch(
        self,
        batch_id: str,
        *,
        timeout: float | None = None,
    ) -> v1.GetBatchResponse:
        """A batch of coupons with what is left of it and of its budget."""
        return await self._ask(locals(), v1.GetBatchRequest, v1.GetBatchResponse)

    async def export_orders(
        self,
        sale_id: str,
        *,
        reason: str,
        operator: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.ExportOrdersResponse:
        """Hands on the paid orders that are in no export yet; NOTHING_TO_EXPORT is a refusal."""
        return await self._ask(locals(), v1.ExportOrdersRequest, v1.ExportOrdersResponse)

    async def fetch_export(
        self,
        sale_id: str,
        number: int,
        *,
        min_position: int | None = None,
        timeout: float | None = None,
    ) -> FetchedExport:
        """An export with its lines, compared with the digest that stands in the log."""
        fields = {"sale_id": sale_id, "number": number, "min_position": min_position}
        request = _wire.filled(v1.FetchExportRequest, fields)
        parts = self.stream(
            "OrderService/FetchExport", request, v1.FetchExportResponse, timeout=timeout
        )
        export, lines, csv = v1.Export(), list[v1.ExportLine](), ""
        async for part in parts:
            export.MergeFrom(part.export)
            lines += part.lines
            csv += part.csv
        if hashlib.sha256(csv.encode()).hexdigest() != export.sha256:
            said = f"export {number} of {sale_id} is not that of its digest: fetch it again"
            raise ServerFault(said, reason="EXPORT_DIFFERS", code="data_loss")
        return FetchedExport(export, lines, csv)

    async def list_exports(
        self,
        sale_id: str,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        min_position: int | None = None,
        timeout: float | None = None,
    ) -> v1.ListExportsResponse:
        """The exports of a sale, the first one first."""
        return await self._ask(locals(), v1.ListExportsRequest, v1.ListExportsResponse)

    def follow_orders(
        self,
        *,
        resume_token: str | None = None,
        after_position: int | None = None,
        sale_id: str | None = None,
        item_id: str | None = None,
        kinds: Iterable[v1.OrderEventKind] | None = None,
        progress: bool = False,
        idle_timeout: float = 30.0,
        give_up_after: float | None = None,
    ) -> AsyncOrderFollower:
        """What happens to orders, as an iterator over lost connections and restarts of the server.

        Each message has an `event` and a `resume_token`: store the token after the event was
        handled, and give the stored one after a restart of your own. Without a token it begins
        behind `after_position`, 0 for the whole log; without either, now. `progress` also gives the
        messages that only bring a newer token.

        A connection on which nothing arrives for `idle_timeout` seconds is replaced. An unreachable
        server is tried for ever, or until `give_up_after` seconds have passed without it. Close the
        iterator, or use it in a `with` statement.
        """
        fields = {
            "resume_token": resume_token,
            "after_position": after_position,
            "sale_id": sale_id,
            "item_id": item_id,
            "kinds": None if kinds is None else list(kinds),
        }
        return AsyncOrderFollower(
            self,
            _wire.filled(v1.FollowOrdersRequest, fields),
            progress=progress,
            idle_timeout=idle_timeout,
            give_up_after=give_up_after,
        )
