"""The errors of the API: message and HTTP status, in Toxiproxy's words."""

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
    """A request that is answered with an error.

    Args:
        error: Message and HTTP status, one of the constants of this module.
        detail: Appended to the message after a colon.
    """

    def __init__(self, error: tuple[str, int], detail: str = "") -> None:
        message, self.status = error
        self.message = f"{message}: {detail}" if detail else message
        super().__init__(self.message)
