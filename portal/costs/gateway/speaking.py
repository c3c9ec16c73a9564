"""AWS, as spoken with: clients made when they are first needed, and failures turned into refusals.

Nothing is asked before somebody calls `ask`. Its library is loaded then too: it would add a tenth to the time
in which the web starts, and most installations never speak to AWS.
"""

import importlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from portal.kit.errors import Forbidden, Missing, Refusal
from portal.kit.settings import Aws as Settings

EVERYWHERE = "us-east-1"
GLOBAL = {"ce", "budgets", "freetier", "savingsplans", "sts"}
"""Where AWS keeps what belongs to no region, and what does."""

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 15, 2
PAGES_MOST = 50
KEYS_WRONG = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
NOT_THERE = {
    "ClusterNotFoundException",
    "NoSuchBucket",
    "NoSuchKey",
    "NotFound",
    "NotFoundException",
    "ResourceNotFoundException",
    "ServiceNotFoundException",
}
ACTIONS = {
    "budgets:CreateBudget": "budgets:ModifyBudget",
    "budgets:CreateNotification": "budgets:ModifyBudget",
    "budgets:DeleteNotification": "budgets:ModifyBudget",
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "budgets:DescribeNotificationsForBudget": "budgets:ViewBudget",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""Where the permission is called otherwise than what is asked."""


class AwsAway(Refusal):
    """AWS cannot be reached, or is too busy; it may be later."""

    code = "aws_away"


class NotAllowed(Forbidden):
    """The credentials may not do this; the sentence names the permission that they lack."""


class NoCredentials(Refusal):
    """There are no credentials, or AWS does not know them."""

    code = "no_credentials"


class Gone(Missing):
    """AWS knows no such thing."""


class Makes(Protocol):
    """Makes a client of a service, such as boto3's session does."""

    def client(self, service_name: str, **options: Any) -> Any:
        """A client of one service."""

    def __hash__(self) -> int:
        """One of its own: what it made is kept."""


class Aws:
    """AWS, by the credentials, the region and the endpoint of an installation. One for each piece of work.

    `asked` counts what was asked of each service, tries anew included.
    """

    def __init__(self, settings: Settings, makes: Makes | None = None) -> None:
        self.settings = settings
        self.asked: Counter[str] = Counter()
        self._makes = makes

    def ask(
        self, service: str, operation: str, /, *, region: str | None = None, **what: Any
    ) -> Mapping[str, Any]:
        """The answer of one operation, by its name in AWS's own words, such as `DescribeServices`.

        NoCredentials, NotAllowed with the permission that is missing, Gone, or AwsAway.
        """
        self.asked[service] += 1
        try:
            answer: dict[str, Any] = getattr(self._client(service, region), xform_name(operation))(**what)
        except ClientError as problem:
            raise _refusal(service, operation, problem) from None
        except (NoCredentialsError, PartialCredentialsError):
            raise NoCredentials(
                "There are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
                "or give this machine a role."
            ) from None
        except BotoCoreError as problem:
            raise AwsAway(f"AWS could not be asked for {permission(service, operation)}: {problem}") from None
        self.asked[service] += answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        return answer

    def pages(
        self, service: str, operation: str, token: str, given: str | None = None, /, **what: Any
    ) -> Iterator[Mapping[str, Any]]:
        """One answer after the other; `token` names the next one, and is given back as `given`.

        AwsAway after so many that something must be wrong.
        """
        for _ in range(PAGES_MOST):
            answer = self.ask(service, operation, **what)
            yield answer
            if not answer.get(token):
                return
            what[given or token] = answer[token]
        raise AwsAway(f"AWS answers {permission(service, operation)} without an end.")

    def _client(self, service: str, region: str | None) -> Any:
        where = EVERYWHERE if service in GLOBAL else region or self.settings.region
        if where is None:
            raise NoCredentials("AWS_REGION is not set: name the region in which the platform runs.")
        return _client(self._makes or _session(self.settings), self.settings.endpoint, service, where)


def permission(service: str, operation: str) -> str:
    """What the permission to ask an operation is called."""
    wanted = f"{service}:{operation}"
    return ACTIONS.get(wanted, wanted)


@lru_cache(maxsize=16)
def _session(settings: Settings) -> Makes:
    """What makes clients; it renews the credentials of a role by itself."""
    made: Makes = importlib.import_module("boto3.session").Session(
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        aws_session_token=settings.session_token,
        profile_name=settings.profile,
        region_name=settings.region,
    )
    return made


@lru_cache(maxsize=64)
def _client(makes: Makes, endpoint: str | None, service: str, where: str) -> Any:
    """A client; to make one takes longer than to ask."""
    limits = importlib.import_module("botocore.config").Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        user_agent_extra="upkeep",
    )
    at = {"endpoint_url": endpoint} if endpoint else {}
    return makes.client(service, region_name=where, config=limits, **at)


def _refusal(service: str, operation: str, problem: ClientError) -> Refusal:
    told = problem.response.get("Error", {})
    code, action = told.get("Code", ""), permission(service, operation)
    if code in NOT_ALLOWED:
        return NotAllowed(
            f"AWS does not let these credentials do {action}: add it to their policy (docs/aws.md)."
        )
    if code in KEYS_WRONG:
        return NoCredentials(f"AWS does not know these credentials, or not any more ({code}).")
    if code in NOT_THERE or code.endswith(("NotFound", "NotFoundFault")):
        return Gone(f"AWS finds nothing for {action}: {told.get('Message') or code}.")
    return AwsAway(f"AWS refused {action}: {told.get('Message') or code}.")
