"""Costs: what the platform costs, month by month and service by service."""

from portal.costs.actions import add, change, end
from portal.costs.alerts import drop_level, levels, raised, set_level, watch, watched
from portal.costs.collecting import REQUEST_COST, Asking, Collected, asking, collect, to_ask
from portal.costs.demand import Billed as BilledDemand
from portal.costs.demand import Saved, Spent, billed_demand, credited, machines, saved, spent
from portal.costs.events import CostReached
from portal.costs.files import BillFile
from portal.costs.gateway import Allowance, Aws, AwsAway, Gone, NoCredentials, NotAllowed
from portal.costs.gateway import Counts as TaskCounts
from portal.costs.gateway import Hour as LoadHour
from portal.costs.gateway import Plan as AwsPlan
from portal.costs.gateway import counts as task_counts
from portal.costs.gateway import set_desired as set_tasks
from portal.costs.giving import Given, ask_given, given, is_given_due
from portal.costs.guarding import Step, guard
from portal.costs.importing import Imported, billed_until, bills_of, brought, imports, set_aside
from portal.costs.importing import take as take_bills
from portal.costs.measuring import Measured, measured
from portal.costs.models import (
    AlertRaised,
    Bill,
    BillImport,
    CloudResource,
    LineAside,
    TypedCost,
)
from portal.costs.outlook import Outlook, outlook
from portal.costs.queries import (
    Billed,
    Tagged,
    billed,
    by_tag,
    days,
    month,
    months,
    providers,
    tags,
    typed,
)
from portal.costs.rules import BANDS, TYPED, Band, Charge, Month, ServiceCost, band, spread, state_of
from portal.costs.shelves import S3, Delivery, deliveries, fetched
from portal.costs.spikes import Spike, spikes
from portal.costs.surveying import forget_loads, loads, resources, survey

__all__ = [
    "BANDS",
    "REQUEST_COST",
    "S3",
    "TYPED",
    "AlertRaised",
    "Allowance",
    "Asking",
    "Aws",
    "AwsAway",
    "AwsPlan",
    "Band",
    "Bill",
    "BillFile",
    "BillImport",
    "Billed",
    "BilledDemand",
    "Charge",
    "CloudResource",
    "Collected",
    "CostReached",
    "Delivery",
    "Given",
    "Gone",
    "Imported",
    "LineAside",
    "LoadHour",
    "Measured",
    "Month",
    "NoCredentials",
    "NotAllowed",
    "Outlook",
    "Saved",
    "ServiceCost",
    "Spent",
    "Spike",
    "Step",
    "Tagged",
    "TaskCounts",
    "TypedCost",
    "add",
    "ask_given",
    "asking",
    "band",
    "billed",
    "billed_demand",
    "billed_until",
    "bills_of",
    "brought",
    "by_tag",
    "change",
    "collect",
    "credited",
    "days",
    "deliveries",
    "drop_level",
    "end",
    "fetched",
    "forget_loads",
    "given",
    "guard",
    "imports",
    "is_given_due",
    "levels",
    "loads",
    "machines",
    "measured",
    "month",
    "months",
    "outlook",
    "providers",
    "raised",
    "resources",
    "saved",
    "set_aside",
    "set_level",
    "set_tasks",
    "spent",
    "spikes",
    "spread",
    "state_of",
    "survey",
    "tags",
    "take_bills",
    "task_counts",
    "to_ask",
    "typed",
    "watch",
    "watched",
]
