"""Disputing: customers who ask their bank for the money back."""

from sandbox.stripe import ids
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

ANSWER_SECONDS = 9 * 24 * 3600
FEE = 1500


def dispute(world: World, charge: Obj, reason: str) -> Obj:
    """A dispute about a whole charge, written and told; `inquiry` is one that takes no money yet."""
    inquiry = reason == "inquiry"
    found: Obj = {
        "id": ids.new("dispute"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now + ANSWER_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"].get("card", {}).get("brand", "visa"),
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": charge["payment_method_details"].get("card", {}).get("network", "visa"),
                "network_reason_code": "10",
            },
            "type": "card",
        },
        "reason": "general" if inquiry else reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    charge["disputed"] = True
    world.save(charge)
    world.save(found)
    world.tell("charge.dispute.created", found)
    if not inquiry:
        world.tell("charge.dispute.funds_withdrawn", found)
    return found


def close(world: World, found: Obj, status: str) -> None:
    """The bank has decided: `won`, `lost` or `warning_closed`."""
    found["status"] = status
    world.save(found)
    if status == "won":
        world.tell("charge.dispute.funds_reinstated", found)
    world.tell("charge.dispute.closed", found)


EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
