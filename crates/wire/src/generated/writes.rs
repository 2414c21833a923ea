// This file is @generated.
impl WriteResponse for ClaimCouponResponse {
    type Subject = Coupon;
    type Refusal = CouponRefusal;

    fn new(outcome: Result<Coupon, CouponRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => claim_coupon_response::Outcome::Coupon(subject),
            Err(refusal) => claim_coupon_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Coupon, CouponRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            claim_coupon_response::Outcome::Coupon(subject) => Ok(subject),
            claim_coupon_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for GrantCouponResponse {
    type Subject = Coupon;
    type Refusal = CouponRefusal;

    fn new(outcome: Result<Coupon, CouponRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => grant_coupon_response::Outcome::Coupon(subject),
            Err(refusal) => grant_coupon_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Coupon, CouponRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            grant_coupon_response::Outcome::Coupon(subject) => Ok(subject),
            grant_coupon_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for CloseBatchResponse {
    type Subject = CouponBatch;
    type Refusal = CouponRefusal;

    fn new(outcome: Result<CouponBatch, CouponRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => close_batch_response::Outcome::CouponBatch(subject),
            Err(refusal) => close_batch_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<CouponBatch, CouponRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            close_batch_response::Outcome::CouponBatch(subject) => Ok(subject),
            close_batch_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for RaiseBudgetResponse {
    type Subject = CouponBatch;
    type Refusal = CouponRefusal;

    fn new(outcome: Result<CouponBatch, CouponRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => raise_budget_response::Outcome::CouponBatch(subject),
            Err(refusal) => raise_budget_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<CouponBatch, CouponRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            raise_budget_response::Outcome::CouponBatch(subject) => Ok(subject),
            raise_budget_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for RevokeCouponResponse {
    type Subject = Coupon;
    type Refusal = CouponRefusal;

    fn new(outcome: Result<Coupon, CouponRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => revoke_coupon_response::Outcome::Coupon(subject),
            Err(refusal) => revoke_coupon_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Coupon, CouponRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            revoke_coupon_response::Outcome::Coupon(subject) => Ok(subject),
            revoke_coupon_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for ExportOrdersResponse {
    type Subject = Export;
    type Refusal = ExportRefusal;

    fn new(outcome: Result<Export, ExportRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => export_orders_response::Outcome::Export(subject),
            Err(refusal) => export_orders_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Export, ExportRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            export_orders_response::Outcome::Export(subject) => Ok(subject),
            export_orders_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for AssessIncidentResponse {
    type Subject = Incident;
    type Refusal = IncidentRefusal;

    fn new(outcome: Result<Incident, IncidentRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => assess_incident_response::Outcome::Incident(subject),
            Err(refusal) => assess_incident_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Incident, IncidentRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            assess_incident_response::Outcome::Incident(subject) => Ok(subject),
            assess_incident_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for RecordActionResponse {
    type Subject = Incident;
    type Refusal = IncidentRefusal;

    fn new(outcome: Result<Incident, IncidentRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => record_action_response::Outcome::Incident(subject),
            Err(refusal) => record_action_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Incident, IncidentRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            record_action_response::Outcome::Incident(subject) => Ok(subject),
            record_action_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for ResolveIncidentResponse {
    type Subject = Incident;
    type Refusal = IncidentRefusal;

    fn new(outcome: Result<Incident, IncidentRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => resolve_incident_response::Outcome::Incident(subject),
            Err(refusal) => resolve_incident_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Incident, IncidentRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            resolve_incident_response::Outcome::Incident(subject) => Ok(subject),
            resolve_incident_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for ReviewIncidentResponse {
    type Subject = Incident;
    type Refusal = IncidentRefusal;

    fn new(outcome: Result<Incident, IncidentRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => review_incident_response::Outcome::Incident(subject),
            Err(refusal) => review_incident_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Incident, IncidentRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            review_incident_response::Outcome::Incident(subject) => Ok(subject),
            review_incident_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for AllocateStockResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => allocate_stock_response::Outcome::Item(subject),
            Err(refusal) => allocate_stock_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            allocate_stock_response::Outcome::Item(subject) => Ok(subject),
            allocate_stock_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SetReserveResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => set_reserve_response::Outcome::Item(subject),
            Err(refusal) => set_reserve_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            set_reserve_response::Outcome::Item(subject) => Ok(subject),
            set_reserve_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for ReleaseReserveResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => release_reserve_response::Outcome::Item(subject),
            Err(refusal) => release_reserve_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            release_reserve_response::Outcome::Item(subject) => Ok(subject),
            release_reserve_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SetPurchaseLimitResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => set_purchase_limit_response::Outcome::Item(subject),
            Err(refusal) => set_purchase_limit_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            set_purchase_limit_response::Outcome::Item(subject) => Ok(subject),
            set_purchase_limit_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for PauseItemResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => pause_item_response::Outcome::Item(subject),
            Err(refusal) => pause_item_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            pause_item_response::Outcome::Item(subject) => Ok(subject),
            pause_item_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for ResumeItemResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => resume_item_response::Outcome::Item(subject),
            Err(refusal) => resume_item_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            resume_item_response::Outcome::Item(subject) => Ok(subject),
            resume_item_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for CloseItemResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => close_item_response::Outcome::Item(subject),
            Err(refusal) => close_item_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            close_item_response::Outcome::Item(subject) => Ok(subject),
            close_item_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SetPricesResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => set_prices_response::Outcome::Item(subject),
            Err(refusal) => set_prices_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            set_prices_response::Outcome::Item(subject) => Ok(subject),
            set_prices_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SetOffersResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => set_offers_response::Outcome::Item(subject),
            Err(refusal) => set_offers_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            set_offers_response::Outcome::Item(subject) => Ok(subject),
            set_offers_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SetGiftUnitsResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => set_gift_units_response::Outcome::Item(subject),
            Err(refusal) => set_gift_units_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            set_gift_units_response::Outcome::Item(subject) => Ok(subject),
            set_gift_units_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SetAudienceResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => set_audience_response::Outcome::Item(subject),
            Err(refusal) => set_audience_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            set_audience_response::Outcome::Item(subject) => Ok(subject),
            set_audience_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SetReservePlanResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => set_reserve_plan_response::Outcome::Item(subject),
            Err(refusal) => set_reserve_plan_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            set_reserve_plan_response::Outcome::Item(subject) => Ok(subject),
            set_reserve_plan_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for MoveStockResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => move_stock_response::Outcome::Item(subject),
            Err(refusal) => move_stock_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            move_stock_response::Outcome::Item(subject) => Ok(subject),
            move_stock_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for WithdrawStockResponse {
    type Subject = Item;
    type Refusal = Refusal;

    fn new(outcome: Result<Item, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => withdraw_stock_response::Outcome::Item(subject),
            Err(refusal) => withdraw_stock_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Item, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            withdraw_stock_response::Outcome::Item(subject) => Ok(subject),
            withdraw_stock_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for CancelHoldResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => cancel_hold_response::Outcome::Order(subject),
            Err(refusal) => cancel_hold_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            cancel_hold_response::Outcome::Order(subject) => Ok(subject),
            cancel_hold_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for ExtendHoldResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => extend_hold_response::Outcome::Order(subject),
            Err(refusal) => extend_hold_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            extend_hold_response::Outcome::Order(subject) => Ok(subject),
            extend_hold_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for RefundOrderResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => refund_order_response::Outcome::Order(subject),
            Err(refusal) => refund_order_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            refund_order_response::Outcome::Order(subject) => Ok(subject),
            refund_order_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for SettleRefundResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => settle_refund_response::Outcome::Order(subject),
            Err(refusal) => settle_refund_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            settle_refund_response::Outcome::Order(subject) => Ok(subject),
            settle_refund_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for PlaceOrderResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => place_order_response::Outcome::Order(subject),
            Err(refusal) => place_order_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            place_order_response::Outcome::Order(subject) => Ok(subject),
            place_order_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for RecordPaymentResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => record_payment_response::Outcome::Order(subject),
            Err(refusal) => record_payment_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            record_payment_response::Outcome::Order(subject) => Ok(subject),
            record_payment_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for RecordPaymentFailureResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => record_payment_failure_response::Outcome::Order(subject),
            Err(refusal) => record_payment_failure_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            record_payment_failure_response::Outcome::Order(subject) => Ok(subject),
            record_payment_failure_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for CancelOrderResponse {
    type Subject = Order;
    type Refusal = Refusal;

    fn new(outcome: Result<Order, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => cancel_order_response::Outcome::Order(subject),
            Err(refusal) => cancel_order_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Order, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            cancel_order_response::Outcome::Order(subject) => Ok(subject),
            cancel_order_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for PublishScriptResponse {
    type Subject = Script;
    type Refusal = ScriptRefusal;

    fn new(outcome: Result<Script, ScriptRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => publish_script_response::Outcome::Script(subject),
            Err(refusal) => publish_script_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Script, ScriptRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            publish_script_response::Outcome::Script(subject) => Ok(subject),
            publish_script_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for WithdrawScriptResponse {
    type Subject = Script;
    type Refusal = ScriptRefusal;

    fn new(outcome: Result<Script, ScriptRefusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => withdraw_script_response::Outcome::Script(subject),
            Err(refusal) => withdraw_script_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Script, ScriptRefusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            withdraw_script_response::Outcome::Script(subject) => Ok(subject),
            withdraw_script_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for PauseSaleResponse {
    type Subject = Sale;
    type Refusal = Refusal;

    fn new(outcome: Result<Sale, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => pause_sale_response::Outcome::Sale(subject),
            Err(refusal) => pause_sale_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Sale, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            pause_sale_response::Outcome::Sale(subject) => Ok(subject),
            pause_sale_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteResponse for ResumeSaleResponse {
    type Subject = Sale;
    type Refusal = Refusal;

    fn new(outcome: Result<Sale, Refusal>, revision: u64, position: u64) -> Self {
        let outcome = match outcome {
            Ok(subject) => resume_sale_response::Outcome::Sale(subject),
            Err(refusal) => resume_sale_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }

    fn into_parts(self) -> (Option<Result<Sale, Refusal>>, u64, u64) {
        let outcome = self.outcome.map(|outcome| match outcome {
            resume_sale_response::Outcome::Sale(subject) => Ok(subject),
            resume_sale_response::Outcome::Refusal(refusal) => Err(refusal),
        });
        (outcome, self.revision, self.position)
    }
}
impl WriteRequest for ExportOrdersRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.sale_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for OpenIncidentRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.sale_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for AllocateStockRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SetReserveRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for ReleaseReserveRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SetPurchaseLimitRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for PauseItemRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for ResumeItemRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for CloseItemRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SetPricesRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SetOffersRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SetGiftUnitsRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SetAudienceRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SetReservePlanRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for MoveStockRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for WithdrawStockRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for CancelHoldRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for ExtendHoldRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for RefundOrderRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for SettleRefundRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.item_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for RescheduleSaleRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.sale_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for PauseSaleRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.sale_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for ResumeSaleRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.sale_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for CancelSaleRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.sale_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
impl WriteRequest for CloseSaleRequest {
    fn write_fields(&mut self) -> WriteFields<&mut String> {
        WriteFields {
            request_id: &mut self.request_id,
            subject_id: &mut self.sale_id,
            operator: &mut self.operator,
            reason: &mut self.reason,
        }
    }
}
