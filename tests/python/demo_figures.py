"""Checks the output of `doorbuster demo --json`: nothing was oversold, lost or left over.

Usage: demo_figures.py simulated|recorded|chaos FILE
"""

import json
import sys

# Counted independently of doorbuster in the recording that CI plays, with --stock-share 0.6.
RECORDED_TRAFFIC = {"pv": 41890, "fav": 1474, "cart": 2539, "buy": 992, "uv": 30837, "buyers": 964}
RECORDED_UNITS = 835

# The alerts that the faults of `--chaos` must raise.
CHAOS_UNITS = 3000
CHAOS_RULES = {"refusals_paused", "payments_late", "store_stalled"}
# What the prices, offers and the reserve of a simulated sale must have done.
DEALS = ["tiers_reached", "offers_applied", "discount_minor", "gifts_given", "reserve_released_units"]
# What became of orders after the rush. Its crowd pays for one unit an order; afterwards units that came back are
# sold to two more buyers.
AFTER = ["coupons_redeemed", "orders_resold", "refunds_due", "refunds_settled", "exported_orders"]
LATE_ORDERS = 2
STEPS = ["detected", "assessed", "action_taken", "resolved", "reviewed"]


def expectations(kind, found):
    """(name, found, expected) for each figure."""
    verified = found["verify"]
    yield "oversold_units", found["oversold_units"], 0
    yield "duplicate_orders", found["duplicate_orders"], 0
    yield "verify.ok", verified["ok"], True
    yield "rebuild_equal", found["rebuild_equal"], True
    late = 0 if kind == "recorded" else LATE_ORDERS
    yield "orders_paid (one unit each, and late ones)", found["orders_paid"], found["units"] + late
    yield "verify saw every event", verified["events"], found["log_events"]
    yield "revenue_reconciles", found["revenue_reconciles"], True
    if kind != "recorded":
        for figure in DEALS:
            yield f"{figure} above zero", found[figure] > 0, True
        for figure in AFTER:
            yield f"{figure} above zero", found[figure] > 0, True
        yield "exported_orders (all that were paid)", found["exported_orders"], found["orders_paid"]
        yield "coupons_redeemed (by both late orders)", found["coupons_redeemed"], LATE_ORDERS
        yield "refunds_settled (three units came back)", found["refunds_settled"], 3
        yield "refunds_due beyond those settled", found["refunds_due"] >= found["refunds_settled"], True
        yield "orders_resold at most what expired", found["orders_resold"] <= found["orders_expired"], True
    if kind == "simulated":
        yield "units", found["units"], 1000
        ends = found["orders_paid"] + found["orders_expired"]
        yield "orders_placed (all were paid or expired)", found["orders_placed"] >= ends, True
    elif kind == "chaos":
        yield "units", found["units"], CHAOS_UNITS
        yield "refused.PAUSED", found["refused"].get("PAUSED", 0) > 0, True
        yield "orders_expired", found["orders_expired"] > 0, True
        yield from troubles(found["alerts"], found["incidents"])
    else:
        yield "units", found["units"], RECORDED_UNITS
        yield "orders_placed", found["orders_placed"], RECORDED_UNITS
        for action, count in RECORDED_TRAFFIC.items():
            yield f"traffic.{action}", found["traffic"][action], count


def troubles(alerts, incidents):
    """The alerts raised for the injected faults, and the cost of the incidents."""
    raised = {alert["rule"] for alert in alerts}
    yield "rules that raised an alert", CHAOS_RULES - raised, set()
    for alert in alerts:
        yield f"{alert['rule']} is over", alert["cleared_at"] is not None, True
    yield "an incident was opened", bool(incidents), True
    for incident in incidents:
        kinds = list(dict.fromkeys(step["kind"] for step in incident["steps"]))
        yield f"steps of {incident['title']}", kinds, STEPS
        impact = incident["impact"]
        yield f"units of {incident['title']}", type(impact["actual_units"]), int
        yield f"per minute of {incident['title']}", bool(impact["per_minute"]), True
    lost = sum(incident["impact"]["lost_units"] for incident in incidents)
    yield "the incidents cost units", lost > 0, True


def wrong_figures(kind, found):
    """Prints the wrong figures and counts them."""
    wrong = 0
    for what, figure, expected in expectations(kind, found):
        if figure != expected or type(figure) is not type(expected):
            wrong += 1
            print(f"WRONG {what}: found {figure!r}, expected {expected!r}")
    return wrong


def main():
    kind, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    wrong = wrong_figures(kind, found)
    print(f"{kind} demo: {'wrong' if wrong else 'as promised'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
