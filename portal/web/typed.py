"""What somebody wrote into a form that was refused: shown back, so that it can be copied and sent again."""

import re
from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import HTTPException

SECRET = re.compile(r"password|passphrase|secret|token|code|card", re.IGNORECASE)


def written() -> list[tuple[str, str]]:
    """Each text of several words in the refused form, as (field, text); empty when there is none.

    A form that another site sent shows nothing: its words would be put into this site's mouth.
    """
    if request.method != "POST" or urlsplit(request.headers.get("Origin", "")).netloc != request.host:
        return []
    try:
        fields = [*request.form.items(multi=True)]
    except HTTPException:  # too large to be read
        return []
    return [
        (name.replace("_", " ").capitalize(), value.replace("\0", "").strip())
        for name, value in fields
        if len(value.split()) > 1 and not SECRET.search(name)
    ]
