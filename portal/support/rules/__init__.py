"""Support, as decided: what is due when, what may be said, and what may be sent along."""

from portal.support.rules.clocks import (
    KINDS,
    MINUTE,
    Policy,
    business_minutes,
    due_at,
    policy_from_json,
    warn_at,
    worked,
)
from portal.support.rules.files import FILE_BYTES, FILES, check_files
from portal.support.rules.files import KNOWN as KNOWN_FILES
from portal.support.rules.sentences import (
    NAMES as CLOCK_NAMES,
)
from portal.support.rules.sentences import (
    brief,
    clock_time,
    deadline,
    promise,
    sentence,
    spell,
)
from portal.support.rules.words import (
    PRIORITIES,
    TIERS,
    check_deed,
    check_kind,
    check_open,
    check_priority,
    check_reopened,
    check_verified,
    clean_body,
    clean_subject,
    clean_tags,
    may_reopen,
)

__all__ = [
    "CLOCK_NAMES",
    "FILES",
    "FILE_BYTES",
    "KINDS",
    "KNOWN_FILES",
    "MINUTE",
    "PRIORITIES",
    "TIERS",
    "Policy",
    "brief",
    "business_minutes",
    "check_deed",
    "check_files",
    "check_kind",
    "check_open",
    "check_priority",
    "check_reopened",
    "check_verified",
    "clean_body",
    "clean_subject",
    "clean_tags",
    "clock_time",
    "deadline",
    "due_at",
    "may_reopen",
    "policy_from_json",
    "promise",
    "sentence",
    "spell",
    "warn_at",
    "worked",
]
