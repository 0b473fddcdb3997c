"""A few connections to PostgreSQL that survive whatever happens to the link.

asyncpg's own pool is not used. After a blackhole it hands out one dead connection after the other,
each good for one more time-out (and one more write of unknown outcome), and it closes expired ones
with a farewell that nobody will ever hear. Here the first loss drops every idle connection at
once, and connections are aborted, never closed politely.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

import asyncpg

from ._registry import StorageError, StorageOutcomeUnknownError, StorageUnavailableError

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# The server says itself that it did nothing.
REFUSED = (
    asyncpg.QueryCanceledError,  # statement_timeout
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.CannotConnectNowError,  # starting up or shutting down
)
# The conversation ended, and what the server did meanwhile is unknown.
LOST = (
    OSError,  # a time-out among them
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# Only while connecting: the database or its user is not there yet.
ABSENT = (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError)


class Pool:
    """At most `size` connections behind one DSN; none is opened before it is needed."""

    def __init__(self, dsn: str, timeout: float, *, size: int = 6) -> None:
        """Let each call take `timeout` real seconds, waiting for a connection included."""
        self._dsn = dsn
        self._timeout = timeout
        self._turn = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._closed = False

    async def run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        write: bool = False,
        times: float = 1,
    ) -> T:
        """Do `work` with a connection, within `times` the usual time-out.

        A `write` must be one statement, or one transaction whose effect may be repeated.
        """
        sent = False
        try:
            async with asyncio.timeout(self._timeout * times), self._connection() as connection:
                sent = write
                return await work(connection)
        except REFUSED as error:
            raise StorageUnavailableError(_words(error)) from error
        except TimeoutError as error:
            self._drop_idle()
            raise _lost(f"no answer within {self._timeout * times:g} s", sent=sent) from error
        except LOST as error:
            self._drop_idle()
            raise _lost(_words(error), sent=sent) from error

    def close(self) -> None:
        """Abort every connection."""
        self._closed = True
        self._drop_idle()
        for connection in list(self._open):
            self._abort(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with self._turn:
            connection = self._take_idle() or await self._connect()
            try:
                yield connection
            except asyncpg.PostgresError as error:
                # The connection still works unless the server ended it together with the query.
                if isinstance(error, LOST) or connection.is_in_transaction():
                    self._abort(connection)
                else:
                    self._give_back(connection)
                raise
            except BaseException:
                # Includes time-outs: asyncpg would wait for the answer to its cancel request.
                self._abort(connection)
                raise
            self._give_back(connection)

    async def _connect(self) -> Connection:
        if self._closed:
            raise StorageUnavailableError("this registry was closed")
        limit = str(int(self._timeout * 1000))
        try:
            connection: Connection = await asyncpg.connect(
                self._dsn,
                timeout=self._timeout,
                # Between neighbours in one data center. Asking first costs a round trip.
                ssl=None if "sslmode" in self._dsn else False,
                # Should our side vanish, the server must not keep our locks.
                server_settings={
                    "statement_timeout": limit,
                    "idle_in_transaction_session_timeout": limit,
                },
            )
        except ABSENT as error:
            raise StorageUnavailableError(_words(error)) from error
        self._open.add(connection)
        return connection

    def _take_idle(self) -> "Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open.discard(connection)
        return None

    def _give_back(self, connection: Connection) -> None:
        if self._closed:
            self._abort(connection)
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            self._abort(self._idle.pop())

    def _abort(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.terminate()


def _lost(reason: str, *, sent: bool) -> StorageError:
    return StorageOutcomeUnknownError(reason) if sent else StorageUnavailableError(reason)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
