"""The error responses of the control API, with upstream Toxiproxy's messages and status codes.

raise ApiError(PROXY_NOT_FOUND)
raise ApiError(BAD_BODY, "toxicity must be from 0 to 1, not 2")
"""

from typing import Final

PROXY_NOT_FOUND: Final = ("proxy not found", 404)
PROXY_EXISTS: Final = ("proxy already exists", 409)
TOXIC_NOT_FOUND: Final = ("toxic not found", 404)
TOXIC_EXISTS: Final = ("toxic already exists", 409)
BAD_BODY: Final = ("bad request body", 400)
MISSING_FIELD: Final = ("missing required field", 400)
BAD_STREAM: Final = ("stream was invalid, can be either upstream or downstream", 400)
BAD_TYPE: Final = ("invalid toxic type", 400)


class ApiError(Exception):
    """An API error, sent to the client as an HTTP status code and a message.

    Args:
        error: One of the constants above: the message and the HTTP status code.
        detail: Text appended to the message after a colon.
    """

    def __init__(self, error: tuple[str, int], detail: str = "") -> None:
        message, self.status = error
        self.message = f"{message}: {detail}" if detail else message
        super().__init__(self.message)
